/** Saved targets: selectors with a name, for every target of a job. */
import { useState } from "preact/hooks";
import type { SavedTargetView } from "../../../../protocol/api/target.ts";
import type { Page } from "../../../../protocol/api/views.ts";
import { SaveForm } from "../forms/saveForm.tsx";
import { Preview } from "../forms/targetFields.tsx";
import { TextField } from "../forms/textField.tsx";
import { Empty, Problem, Skeleton, Time } from "../parts/badge.tsx";
import { act } from "../parts/confirm.tsx";
import { ask, Dialog } from "../parts/dialog.tsx";
import { get } from "../state/api.ts";
import { savedTargetLine } from "../state/cliLine.ts";
import { creator, visible } from "../state/format.ts";
import { savedTargetOf } from "../state/formValues.ts";
import { useLive } from "../state/live.ts";
import { usePreview } from "../state/preview.ts";
import { href } from "../state/router.ts";
import { may } from "../state/session.ts";

const path = "api/v1/saved-targets";

export function TargetsPage() {
  const [isCreating, setCreating] = useState(false);
  const { data, error, refresh } = useLive("saved targets page", (signal) =>
    get<Page<SavedTargetView>>(path, signal),
  );
  return (
    <>
      <div class="title">
        <h1 tabIndex={-1}>Targets</h1>
        {may("jobs.create") && (
          <span class="buttons">
            <button type="button" class="primary" onClick={() => setCreating(true)}>
              Save a target
            </button>
          </span>
        )}
      </div>
      <Problem text={error} />
      {data === undefined && error === "" && <Skeleton />}
      {data?.items.length === 0 && (
        <Empty title="No saved targets yet">
          <p>
            A selector with a name, such as <code>@web</code> for <code>env=prod,role=web</code>,
            can be used wherever agents are chosen.
          </p>
        </Empty>
      )}
      <ul class="cards">
        {data?.items.map((target) => (
          <SavedTarget key={target.name} target={target} refresh={refresh} />
        ))}
      </ul>
      {isCreating && (
        <Dialog title="Save a target" onClose={() => setCreating(false)}>
          <h2>Save a target</h2>
          <TargetForm
            onCancel={() => setCreating(false)}
            onMade={() => {
              setCreating(false);
              refresh();
            }}
          />
        </Dialog>
      )}
    </>
  );
}

function SavedTarget({ target, refresh }: { target: SavedTargetView; refresh: () => void }) {
  const { name, selector, created_at: at } = target;
  const remove = async () => {
    const title = "Delete this saved target?";
    const text = `@${name} cannot be used any more. Schedules and templates with it fail.`;
    if (!(await ask({ title, text, action: "Delete", isDangerous: true }))) return;
    const own = `${path}/${encodeURIComponent(name)}`;
    await act({ method: "DELETE", path: own, done: `Deleted @${name}` });
    refresh();
  };
  return (
    <li class="card">
      <div class="title">
        <h2>@{visible(name)}</h2>
        <code>{visible(selector)}</code>
        <span class="buttons">
          <a class="button" href={href(["agents"], { selector: `@${name}` })}>
            Agents
          </a>
          {may("jobs.create") && (
            <>
              <a class="button" href={href(["run"], { selector: `@${name}` })}>
                Run…
              </a>
              <button type="button" class="danger" onClick={remove}>
                Delete
              </button>
            </>
          )}
        </span>
      </div>
      <p class="quiet">
        <Time at={at} /> by {visible(creator(target))}
      </p>
    </li>
  );
}

function TargetForm({ onMade, onCancel }: { onMade: () => void; onCancel: () => void }) {
  const [texts, setTexts] = useState({ name: "", selector: "" });
  const { value, error } = savedTargetOf(texts);
  const preview = usePreview(value && { selector: value.selector });
  const save = async () => {
    const done = `Saved @${texts.name}`;
    if ((await act({ path, body: value, done })) !== undefined) onMade();
  };
  return (
    <SaveForm
      error={error || preview.error}
      line={value && savedTargetLine(value)}
      action="Save"
      onSave={save}
      onCancel={onCancel}
    >
      <TextField
        id="target-name"
        label="Name"
        isRequired={true}
        placeholder="web"
        text={texts.name}
        onText={(name) => setTexts({ ...texts, name })}
      />
      <TextField
        id="target-selector"
        label="Selector"
        isRequired={true}
        placeholder="env=prod,role in (web,api)"
        help="Labels and facts, joined by commas, and, or, not."
        text={texts.selector}
        onText={(selector) => setTexts({ ...texts, selector })}
      />
      <Preview view={preview.data} />
    </SaveForm>
  );
}
