/** What can be done with selected agents: run a command, label, drain, approve. */
import { useState } from "preact/hooks";
import { act } from "../parts/confirm.tsx";
import { ask, Dialog, say } from "../parts/dialog.tsx";
import { visible } from "../state/format.ts";
import { go } from "../state/router.ts";
import { may } from "../state/session.ts";

/** Requests that are sent at a time. */
const atOnce = 4;

/** More agents than this are changed only after a question. */
const askAbove = 20;

/** @param target The query of the Run page that selects the same agents. */
export function AgentActions({
  ids,
  target,
  onDone,
}: {
  ids: readonly string[];
  target: Record<string, string>;
  onDone: () => void;
}) {
  const [isLabelling, setLabelling] = useState(false);
  const drain = async (how: "drain" | "undrain") => {
    await each(ids, `/${how}`, {}, how === "drain" ? "Drained" : "Undrained");
    onDone();
  };
  return (
    <div class="actions" role="toolbar" aria-label="Selected agents">
      <strong>{`${ids.length} selected`}</strong>
      <button type="button" class="primary" onClick={() => go(["run"], target)}>
        Run…
      </button>
      {may("agents.manage") && (
        <>
          <button type="button" onClick={() => setLabelling(true)}>
            Label…
          </button>
          <button type="button" onClick={() => drain("drain")}>
            Drain
          </button>
          <button type="button" onClick={() => drain("undrain")}>
            Undrain
          </button>
        </>
      )}
      <button type="button" onClick={onDone}>
        Clear
      </button>
      {isLabelling && (
        <LabelDialog
          ids={ids}
          onClose={() => {
            setLabelling(false);
            onDone();
          }}
        />
      )}
    </div>
  );
}

/** Changes labels as `wsctl agents label` does: NAME=VALUE sets one, and NAME- removes it. */
export function LabelDialog({ ids, onClose }: { ids: readonly string[]; onClose: () => void }) {
  const [text, setText] = useState("");
  return (
    <Dialog title="Label agents" onClose={onClose}>
      <h2>{ids.length === 1 ? `Label ${visible(ids[0])}` : `Label ${ids.length} agents`}</h2>
      <form
        onSubmit={async (event) => {
          event.preventDefault();
          const labels = parseLabels(text);
          await each(ids, "/labels", { labels }, "Labelled");
          onClose();
        }}
      >
        <label>
          Labels
          <input
            required
            spellcheck={false}
            autocapitalize="none"
            placeholder="env=prod role=web old-"
            value={text}
            onInput={(event) => setText(event.currentTarget.value)}
          />
        </label>
        <p class="quiet">
          NAME=VALUE sets a label, and NAME- removes it. Separate several with spaces.
        </p>
        <p class="buttons">
          <button type="button" onClick={onClose}>
            Cancel
          </button>
          <button type="submit" class="primary">
            Save
          </button>
        </p>
      </form>
    </Dialog>
  );
}

function parseLabels(text: string): Record<string, string | null> {
  const words = text.split(/\s+/).filter(Boolean);
  return Object.fromEntries(
    words.map((word) => {
      const at = word.indexOf("=");
      if (at < 0 && word.endsWith("-")) return [word.slice(0, -1), null];
      return at < 0 ? [word, ""] : [word.slice(0, at), word.slice(at + 1)];
    }),
  );
}

async function each(ids: readonly string[], path: string, body: unknown, done: string) {
  if (ids.length > askAbove) {
    const text = `This changes ${ids.length} agents, one after the other.`;
    if (!(await ask({ title: `${done}: ${ids.length} agents?`, text, action: "Change" }))) return;
  }
  const left = [...ids];
  let count = 0;
  const work = async () => {
    for (let id = left.shift(); id !== undefined; id = left.shift()) {
      const result = await act({ path: `api/v1/agents/${encodeURIComponent(id)}${path}`, body });
      // The reason has been said, and is the same for the rest.
      if (result === undefined) left.length = 0;
      else count++;
    }
  };
  await Promise.all(Array.from({ length: atOnce }, work));
  if (count > 0) say(`${done} ${count === 1 ? ids[0] : `${count} agents`}`);
}
