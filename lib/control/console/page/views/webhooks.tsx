/** Webhooks: which URLs get which events, whether they arrive, and what was given up. */
import { useState } from "preact/hooks";
import {
  eventTypes,
  type NewWebhook,
  type WebhookTest,
  type WebhookView,
} from "../../../../protocol/api/events.ts";
import type { Page } from "../../../../protocol/api/views.ts";
import { SaveForm } from "../forms/saveForm.tsx";
import { TextField } from "../forms/textField.tsx";
import { Badge, Empty, Facts, Problem, Skeleton, Time } from "../parts/badge.tsx";
import { act } from "../parts/confirm.tsx";
import { CopyLine } from "../parts/copyLine.tsx";
import { ask, Dialog, say } from "../parts/dialog.tsx";
import { get } from "../state/api.ts";
import { webhookLine } from "../state/cliLine.ts";
import { counted, creator, type Shown, visible } from "../state/format.ts";
import { webhookOf } from "../state/formValues.ts";
import { useLive } from "../state/live.ts";
import { may } from "../state/session.ts";

const path = "api/v1/webhooks";
const lettersShown = 5;

export function WebhooksPage() {
  const [isCreating, setCreating] = useState(false);
  const [made, setMade] = useState<NewWebhook>();
  const { data, error, refresh } = useLive("webhooks", (signal) =>
    get<Page<WebhookView>>(path, signal),
  );
  return (
    <>
      <div class="title">
        <h1 tabIndex={-1}>Webhooks</h1>
        {may("webhooks.manage") && (
          <span class="buttons">
            <button type="button" class="primary" onClick={() => setCreating(true)}>
              Create a webhook
            </button>
          </span>
        )}
      </div>
      <Problem text={error} />
      {data === undefined && error === "" && <Skeleton />}
      {data?.items.length === 0 && (
        <Empty title="No webhooks yet">
          <p>
            A webhook gets a signed POST for each event that you choose, such as a job that fails or
            an agent that goes offline.
          </p>
        </Empty>
      )}
      <ul class="cards">
        {data?.items.map((webhook) => (
          <Webhook key={webhook.name} webhook={webhook} refresh={refresh} />
        ))}
      </ul>
      {isCreating && (
        <Dialog title="Create a webhook" onClose={() => setCreating(false)}>
          <h2>Create a webhook</h2>
          <WebhookForm
            onCancel={() => setCreating(false)}
            onMade={(webhook) => {
              setCreating(false);
              setMade(webhook);
              refresh();
            }}
          />
        </Dialog>
      )}
      {made !== undefined && (
        <Dialog title="The new webhook" onClose={() => setMade(undefined)}>
          <h2>The new webhook</h2>
          <p>Its receiver checks signatures with this secret. It is shown only now.</p>
          <CopyLine text={made.secret} />
          <p class="buttons">
            <button type="button" class="primary" onClick={() => setMade(undefined)}>
              Done
            </button>
          </p>
        </Dialog>
      )}
    </>
  );
}

function Webhook({ webhook, refresh }: { webhook: WebhookView; refresh: () => void }) {
  const { name, url, events, failing, dead_letters: letters } = webhook;
  const own = `${path}/${encodeURIComponent(name)}`;
  const test = async () => {
    const answer = await act<WebhookTest>({ path: `${own}/test` });
    if (answer === undefined) return;
    const how = answer.delivered ? "took the test event" : "did not take the test event";
    say(`${name} ${how}: ${answer.answer}`, { isBad: !answer.delivered });
  };
  const remove = async () => {
    const title = "Delete this webhook?";
    const text = `${name} gets no events any more, and its secret is forgotten.`;
    if (!(await ask({ title, text, action: "Delete", isDangerous: true }))) return;
    await act({ method: "DELETE", path: own, done: `Deleted ${name}` });
    refresh();
  };
  return (
    <li class="card">
      <div class="title">
        <h2>{visible(name)}</h2>
        <Badge {...stateOf(webhook)} />
        {may("webhooks.manage") && (
          <span class="buttons">
            <button type="button" onClick={test}>
              Send a test
            </button>
            <button type="button" class="danger" onClick={remove}>
              Delete
            </button>
          </span>
        )}
      </div>
      <Facts
        facts={[
          ["URL", url],
          ["Events", events.join(", ")],
          ["Repeats", failing],
          ["By", creator(webhook)],
        ]}
      />
      {letters.length > 0 && (
        <>
          <p class="quiet">Given up, latest first:</p>
          <ul class="list">
            {letters
              .slice(-lettersShown)
              .reverse()
              .map(({ sequence, type, at, reason }) => (
                <li key={`${sequence} ${type}`}>
                  <span class="main">{visible(`${type}: ${reason}`)}</span>
                  <Time at={at} />
                </li>
              ))}
          </ul>
        </>
      )}
    </li>
  );
}

function stateOf({ failing, dead_letters: letters }: WebhookView): Shown {
  if (failing !== undefined) return { text: "fails, repeated", tone: "bad" };
  if (letters.length === 0) return { text: "delivers", tone: "good" };
  return { text: `delivers, ${counted(letters.length, "event")} given up`, tone: "wait" };
}

type EventType = WebhookView["events"][number];

function WebhookForm(props: { onMade: (made: NewWebhook) => void; onCancel: () => void }) {
  const { onMade, onCancel } = props;
  const [texts, setTexts] = useState({ name: "", url: "" });
  const [events, setEvents] = useState<readonly EventType[]>(["job.failed", "agent.offline"]);
  const { value, error } = webhookOf(texts, events);
  const save = async () => {
    const made = await act<NewWebhook>({ path, body: value, isSensitive: true });
    if (made !== undefined) onMade(made);
  };
  return (
    <SaveForm
      error={error}
      line={value && webhookLine(value)}
      action="Create"
      onSave={save}
      onCancel={onCancel}
    >
      <TextField
        id="webhook-name"
        label="Name"
        isRequired={true}
        placeholder="chat"
        text={texts.name}
        onText={(name) => setTexts({ ...texts, name })}
      />
      <TextField
        id="webhook-url"
        label="URL"
        isRequired={true}
        placeholder="https://hooks.example/wsctl"
        text={texts.url}
        onText={(url) => setTexts({ ...texts, url })}
      />
      <fieldset class="radios">
        <legend>Events</legend>
        {eventTypes.map((type) => (
          <label key={type}>
            <input
              type="checkbox"
              checked={events.includes(type)}
              onChange={(event) => {
                const rest = events.filter((each) => each !== type);
                setEvents(event.currentTarget.checked ? [...rest, type] : rest);
              }}
            />{" "}
            {type}
          </label>
        ))}
      </fieldset>
    </SaveForm>
  );
}
