/** Runs a command: what, with which parameters, on which agents, and how it is spread over them. */
import { useEffect, useState } from "preact/hooks";
import type { JobRequestInput } from "../../../../protocol/api/jobs.ts";
import type { TargetView } from "../../../../protocol/api/target.ts";
import type { AcceptedLine, AgentDetail, JobDetail } from "../../../../protocol/api/views.ts";
import { ParameterForm } from "../forms/parameterForm.tsx";
import { RolloutFields } from "../forms/rolloutFields.tsx";
import { TargetFields } from "../forms/targetFields.tsx";
import { Problem } from "../parts/badge.tsx";
import { act } from "../parts/confirm.tsx";
import { CopyLine } from "../parts/copyLine.tsx";
import { ask, say } from "../parts/dialog.tsx";
import { get, query } from "../state/api.ts";
import { sendLine } from "../state/cliLine.ts";
import { counted, visible } from "../state/format.ts";
import { useLive } from "../state/live.ts";
import { type Field, fieldsOf, readFields, readJson, textsOf } from "../state/parameters.ts";
import { go, route } from "../state/router.ts";
import {
  type Choice,
  choiceOf,
  emptyChoice,
  optionsOf,
  parseOptions,
  targetOf,
} from "../state/runChoice.ts";

/** As `wsctl send --confirm-above`. */
const confirmAbove = 20;
const agentsAsked = 5;

export function RunPage() {
  const { query: given } = route.value;
  const [choice, setChoice] = useState<Choice>(() => choiceOf(given));
  const [options, setOptions] = useState<Record<string, string>>({});
  const [texts, setTexts] = useState<Record<string, string>>({});
  const [json, setJson] = useState("");
  const [isBusy, setBusy] = useState(false);
  const from = given.get("from") ?? "";
  useEffect(() => {
    if (from === "") return;
    const path = `api/v1/jobs/${encodeURIComponent(from)}`;
    get<JobDetail>(path).then(
      (job) => {
        setChoice({ ...emptyChoice, ...fromJob(job) });
        setOptions(optionsOf(job));
        setTexts(textsOf(job.parameters ?? {}));
        setJson(job.parameters === undefined ? "" : JSON.stringify(job.parameters, null, 2));
      },
      (error: Error) => say(error.message, { isBad: true }),
    );
  }, [from]);
  const target = targetOf(choice);
  const preview = usePreview(target, options.require_online === "true");
  const commands = useCommands(preview.data);
  const chosen = commands.find(({ name }) => name === choice.command);
  const fields = fieldsOf(chosen?.parameters);
  const read =
    fields === undefined || chosen?.parameters === undefined
      ? readJson(json)
      : readFields(fields, texts, chosen.parameters);
  // What is still to be filled in is no mistake.
  const isMissing = read.error.endsWith(" is required");
  const parsed = parseOptions(options);
  const isReady = choice.command !== "" && target !== undefined && read.error === "";
  const order: JobRequestInput | undefined =
    isReady && parsed.error === "" && read.parameters !== undefined
      ? {
          command: choice.command,
          target,
          ...(Object.keys(read.parameters).length === 0 ? {} : { parameters: read.parameters }),
          ...parsed.options,
        }
      : undefined;
  const run = async () => {
    if (order === undefined) return say(read.error || parsed.error || "Choose agents", bad);
    const count = preview.data?.agents.length ?? 0;
    const title = `Run ${order.command} on ${counted(count, "agent")}?`;
    const text =
      "The agents are those of the preview. Others that the target selects by then make wsctl refuse the job.";
    if (count > confirmAbove && !(await ask({ title, text, action: "Run" }))) return;
    setBusy(true);
    const body = { ...order, max_agents: Math.max(count, confirmAbove) };
    const headers = { "Idempotency-Key": crypto.getRandomValues(new Uint32Array(4)).join("-") };
    const made = await act<AcceptedLine>({ path: "api/v1/jobs", body, headers });
    setBusy(false);
    if (made !== undefined) go(["jobs", made.job.job_id]);
  };
  return (
    <>
      <h1 tabIndex={-1}>Run</h1>
      <form
        class="run"
        onSubmit={(event) => {
          event.preventDefault();
          void run();
        }}
      >
        <TargetFields choice={choice} onChange={setChoice} preview={preview} />
        <fieldset>
          <legend>Command</legend>
          <div class="field">
            <label for="command">Command</label>
            <input
              id="command"
              list="commands"
              required
              autocomplete="off"
              autocapitalize="none"
              spellcheck={false}
              value={choice.command}
              onInput={(event) => setChoice({ ...choice, command: event.currentTarget.value })}
            />
            <datalist id="commands">
              {commands.map(({ name }) => (
                <option key={name} value={name} />
              ))}
            </datalist>
            <p class="quiet">
              {chosen === undefined
                ? commands.length === 0
                  ? "Choose agents first, and their commands are listed here."
                  : `The agents offer ${commands.map(({ name }) => visible(name)).join(", ")}.`
                : visible(chosen.description ?? "")}
            </p>
          </div>
          {fields === undefined ? (
            <div class="field">
              <label for="json">
                Parameters <span class="quiet">optional, a JSON object</span>
              </label>
              <textarea
                id="json"
                rows={3}
                spellcheck={false}
                placeholder='{"delay_seconds": 5}'
                value={json}
                onInput={(event) => setJson(event.currentTarget.value)}
              />
            </div>
          ) : (
            <ParameterForm
              fields={fields}
              texts={texts}
              onText={(name, text) => setTexts({ ...texts, [name]: text })}
            />
          )}
        </fieldset>
        <div class="field">
          <label for="reason">
            Reason <span class="quiet">optional, kept with the job and in the audit trail</span>
          </label>
          <input
            id="reason"
            autocomplete="off"
            placeholder="a ticket, or why"
            value={options.reason ?? ""}
            onInput={(event) => setOptions({ ...options, reason: event.currentTarget.value })}
          />
        </div>
        <RolloutFields options={options} onChange={setOptions} />
        {isMissing ? (
          <p class="quiet">{visible(read.error)}</p>
        ) : (
          <Problem text={choice.command === "" ? "" : read.error || parsed.error} />
        )}
        {order !== undefined && (
          <div class="field">
            <p class="quiet">
              The same on the command line. Signed jobs are sent there, with <code>--sign</code>:
              the keys stay on your host.
            </p>
            <CopyLine text={sendLine(masked(order, fields))} />
          </div>
        )}
        <p class="buttons">
          <button type="submit" class="primary" disabled={isBusy || order === undefined}>
            {preview.data === undefined
              ? "Run"
              : `Run on ${counted(preview.data.agents.length, "agent")}`}
          </button>
        </p>
      </form>
    </>
  );
}

const bad = { isBad: true };

/** A secret is typed where it is used, and not copied. */
function masked(order: JobRequestInput, fields: readonly Field[] = []): JobRequestInput {
  const secrets = fields.filter(({ kind }) => kind === "secret").map(({ name }) => name);
  const shown = Object.entries(order.parameters ?? {}).map(([name, value]) => {
    return [name, secrets.includes(name) ? "SECRET" : value];
  });
  return { ...order, parameters: Object.fromEntries(shown) };
}

function fromJob({ command, target }: JobDetail): Partial<Choice> {
  const { agents, selector, all } = target;
  return {
    command,
    kind: all ? "all" : selector === undefined ? "agents" : "selector",
    agents: agents?.join(", ") ?? "",
    selector: selector ?? "",
  };
}

/** The agents that the target selects at the moment. */
function usePreview(target: JobRequestInput["target"] | undefined, isOnline: boolean) {
  const body = { target, require_online: isOnline };
  const key = `target ${JSON.stringify(body)}`;
  return useLive<TargetView | undefined>(
    key,
    async (signal) => {
      if (target === undefined) return undefined;
      return query<TargetView>("api/v1/targets", body, signal);
    },
    { everyMs: 4_000 },
  );
}

/** The commands of the first agents of the target that are online. */
function useCommands(target: TargetView | undefined) {
  const asked = (target?.agents ?? []).filter(({ online }) => online).slice(0, agentsAsked);
  const ids = asked.map(({ agent_id }) => agent_id);
  const { data = [] } = useLive(
    `commands ${ids.join(",")}`,
    async (signal) => {
      const details = await Promise.all(
        ids.map((id) => get<AgentDetail>(`api/v1/agents/${encodeURIComponent(id)}`, signal)),
      );
      const all = details.flatMap(({ commands = [] }) => commands);
      const byName = new Map(all.map((command) => [command.name, command]));
      return [...byName.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
    },
    { everyMs: 15_000 },
  );
  return data;
}
