/** Which agents a command is for, with a live preview of who they are. */
import type { TargetView } from "../../../../protocol/api/target.ts";
import { Problem } from "../parts/badge.tsx";
import { tryParse } from "../state/filter.ts";
import { counted, visible } from "../state/format.ts";
import type { Live } from "../state/live.ts";
import type { Choice } from "../state/runChoice.ts";

const kinds = [
  ["agents", "Agents by ID"],
  ["selector", "Selector"],
  ["all", "All agents"],
] as const;
const noneKind = ["none", "Each run names it"] as const;
const shownMax = 60;

export function TargetFields(props: {
  choice: Choice;
  onChange: (choice: Choice) => void;
  preview: Live<TargetView | undefined>;
  /** Whether each run may name the target. */
  isOptional?: boolean;
}) {
  const { choice, onChange, preview, isOptional = false } = props;
  const offered = isOptional ? [...kinds, noneKind] : kinds;
  const wrong = choice.kind === "selector" ? tryParse(choice.selector).error : "";
  return (
    <fieldset>
      <legend>Target</legend>
      <div class="radios">
        {offered.map(([kind, text]) => (
          <label key={kind}>
            <input
              type="radio"
              name="kind"
              checked={choice.kind === kind}
              onChange={() => onChange({ ...choice, kind })}
            />{" "}
            {text}
          </label>
        ))}
      </div>
      {choice.kind === "agents" && (
        <div class="field">
          <label for="agents">Agent IDs</label>
          <input
            id="agents"
            autocomplete="off"
            autocapitalize="none"
            spellcheck={false}
            placeholder="web-1, db-*"
            value={choice.agents}
            onInput={(event) => onChange({ ...choice, agents: event.currentTarget.value })}
          />
          <p class="quiet">Separate IDs with commas. * and ? are wildcards.</p>
        </div>
      )}
      {choice.kind === "selector" && (
        <div class="field">
          <label for="selector">Selector</label>
          <input
            id="selector"
            autocomplete="off"
            autocapitalize="none"
            spellcheck={false}
            placeholder="env=prod,role in (web,api),!canary"
            value={choice.selector}
            onInput={(event) => onChange({ ...choice, selector: event.currentTarget.value })}
          />
          <p class="quiet">Labels and facts, joined by commas, and, or, not.</p>
        </div>
      )}
      <Problem text={wrong || preview.error} />
      {choice.kind !== "none" && <Preview view={preview.data} />}
    </fieldset>
  );
}

/** The agents that a target selects. */
export function Preview({ view }: { view: TargetView | undefined }) {
  if (view === undefined) return <p class="quiet preview">No agents are chosen yet.</p>;
  const { agents, skipped } = view;
  const offline = agents.filter(({ online }) => !online).length;
  const reasons = [...Map.groupBy(skipped, ({ reason }) => reason)];
  return (
    <div class="preview" role="status">
      <p>
        <strong>{counted(agents.length, "agent")}</strong>
        {offline > 0 && `, ${offline} of them offline: their requests wait`}
        {reasons.map(([reason, items]) => `, ${items.length} skipped (${reason})`)}
      </p>
      <ul class="chips">
        {agents.slice(0, shownMax).map(({ agent_id: id, online }) => (
          <li key={id} class="label">
            <span aria-hidden="true">{online ? "● " : "○ "}</span>
            {visible(id)}
            {!online && <span class="hidden"> (offline)</span>}
          </li>
        ))}
        {agents.length > shownMax && <li>{`and ${agents.length - shownMax} more`}</li>}
      </ul>
    </div>
  );
}
