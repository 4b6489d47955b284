/**
 * Runs a command: what, with which parameters, on which agents, and how it is spread over them. Or
 * saves it: on a schedule, or as a template.
 */
import { useEffect, useState } from "preact/hooks";
import type { JobRequestInput } from "../../../../protocol/api/jobs.ts";
import type { AcceptedLine, JobDetail } from "../../../../protocol/api/views.ts";
import { CommandFields } from "../forms/commandFields.tsx";
import { RolloutFields } from "../forms/rolloutFields.tsx";
import { ScheduleFields } from "../forms/scheduleFields.tsx";
import { TargetFields } from "../forms/targetFields.tsx";
import { TemplateFields } from "../forms/templateFields.tsx";
import { Problem } from "../parts/badge.tsx";
import { act, confirmAbove, confirmAgents } from "../parts/confirm.tsx";
import { CopyLine } from "../parts/copyLine.tsx";
import { say } from "../parts/dialog.tsx";
import { get } from "../state/api.ts";
import { scheduleLine, sendLine, templateLine } from "../state/cliLine.ts";
import { counted, visible } from "../state/format.ts";
import { isMissing, promptNames, scheduleOf, type Texts, templateOf } from "../state/formValues.ts";
import { type Field, fieldsOf, readFields, readJson, textsOf } from "../state/parameters.ts";
import { useCommands, usePreview } from "../state/preview.ts";
import { go, route, setQuery } from "../state/router.ts";
import {
  type Choice,
  choiceOf,
  emptyChoice,
  optionsOf,
  parseOptions,
  targetOf,
} from "../state/runChoice.ts";
import { session } from "../state/session.ts";

const kinds = [
  ["", "now", "Run"],
  ["schedule", "on a schedule", "New schedule"],
  ["template", "as a template", "New template"],
] as const;
type Kind = (typeof kinds)[number][0];

/** What the button does; undefined while the form is incomplete. */
interface Prepared {
  line: string;
  send(): Promise<void>;
}

export function RunPage() {
  const { query: given } = route.value;
  const [kind, , title] = kinds.find(([each]) => each === given.get("as")) ?? kinds[0];
  const [choice, setChoice] = useState<Choice>(() => choiceOf(given));
  const [options, setOptions] = useState<Record<string, string>>({});
  const [texts, setTexts] = useState<Record<string, string>>({});
  const [saved, setSaved] = useState<Record<string, string>>({});
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
  const commands = useCommands(preview.data?.agents) ?? [];
  const schema = commands.find(({ name }) => name === choice.command)?.parameters;
  const prompts = kind === "template" ? promptNames(saved.prompts ?? "") : [];
  const fields = fieldsOf(schema)?.map((each) => {
    return prompts.includes(each.name) ? { ...each, isRequired: false } : each;
  });
  const read =
    fields === undefined || schema === undefined
      ? readJson(json)
      : readFields(fields, texts, schema);
  const parsed = parseOptions(options);
  const isReady = choice.command !== "" && read.error === "" && parsed.error === "";
  const job = isReady
    ? {
        command: choice.command,
        ...(target === undefined ? {} : { target }),
        ...(Object.keys(read.parameters ?? {}).length === 0 ? {} : { parameters: read.parameters }),
        ...parsed.options,
      }
    : undefined;
  const count = preview.data?.agents.length ?? 0;
  const prepared = prepare(kind, job, { saved, fields, count });
  const error = choice.command === "" ? "" : read.error || parsed.error || prepared.error;
  const submit = async () => {
    if (prepared.value === undefined) return;
    setBusy(true);
    await prepared.value.send();
    setBusy(false);
  };
  const agents = counted(count, "agent");
  const runs = preview.data === undefined ? "Run" : `Run on ${agents}`;
  return (
    <>
      <div class="title">
        <h1 tabIndex={-1}>{title}</h1>
        <fieldset class="toggles">
          <legend class="hidden">When</legend>
          {kinds.map(([each, text]) => (
            <button
              key={each}
              type="button"
              aria-pressed={each === kind}
              onClick={() => setQuery({ as: each })}
            >
              {text}
            </button>
          ))}
        </fieldset>
      </div>
      <form
        class="run"
        onSubmit={(event) => {
          event.preventDefault();
          void submit();
        }}
      >
        <Saving
          kind={kind}
          texts={saved}
          onText={(name, text) => setSaved({ ...saved, [name]: text })}
        />
        <TargetFields
          choice={choice}
          onChange={setChoice}
          preview={preview}
          isOptional={kind === "template"}
        />
        <CommandFields
          command={choice.command}
          onCommand={(command) => setChoice({ ...choice, command })}
          onProgram={(words) => {
            setChoice({ ...choice, command: "exec" });
            setTexts({ argv: words.join("\n") });
          }}
          commands={commands}
          fields={fields}
          texts={texts}
          onText={(name, text) => setTexts((last) => ({ ...last, [name]: text }))}
          json={json}
          onJson={setJson}
        />
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
        {isMissing(error) ? <p class="quiet">{visible(error)}</p> : <Problem text={error} />}
        {prepared.value !== undefined && (
          <div class="field">
            <p class="quiet">{lineHelp[kind]}</p>
            <CopyLine text={prepared.value.line} />
          </div>
        )}
        <p class="buttons">
          <button
            type="submit"
            class="primary"
            disabled={isBusy || prepared.value === undefined || error !== ""}
          >
            {kind === "" ? runs : `Create the ${kind}`}
          </button>
        </p>
      </form>
    </>
  );
}

const lineHelp: Record<Kind, string> = {
  "": "The same on the command line. Signed jobs are sent there, with --sign: the keys stay on your host.",
  schedule:
    "The same on the command line. Signed schedules are created there, with --sign: the keys stay on your host.",
  template: "The same on the command line.",
};

function Saving(props: { kind: Kind; texts: Texts; onText: (name: string, text: string) => void }) {
  const { kind, texts, onText } = props;
  if (kind === "template") return <TemplateFields texts={texts} onText={onText} />;
  if (kind === "") return null;
  return (
    <>
      {session.value.by === "oidc" && (
        <Problem text="A schedule runs with the token of its creator, and this login has none. Log in with a token, or use wsctl schedules create" />
      )}
      <ScheduleFields texts={texts} onText={onText} />
    </>
  );
}

type Job = Omit<JobRequestInput, "target"> & Partial<Pick<JobRequestInput, "target">>;

interface Rest {
  saved: Texts;
  fields: readonly Field[] | undefined;
  /** How many agents the target selects. */
  count: number;
}

function prepare(kind: Kind, job: Job | undefined, { saved, fields, count }: Rest) {
  const none = (error: string) => ({ value: undefined, error });
  const ready = (value: Prepared) => ({ value, error: "" });
  if (job === undefined) return none("");
  const files = (fields ?? []).filter((each) => each.kind === "file").map(({ name }) => name);
  const shown = masked(job, fields);
  if (kind === "template") {
    const { value, error } = templateOf(saved, job);
    if (value === undefined) return none(error);
    const line = templateLine({ ...value, job: shown });
    return ready({ line, send: () => create("templates", value) });
  }
  const { target } = job;
  if (target === undefined) return none("a target is required");
  if (kind === "schedule") {
    const file = files.find((name) => job.parameters?.[name] !== undefined);
    if (file !== undefined) return none(`Files expire, so ${file} cannot be part of a schedule`);
    const { value, error } = scheduleOf(saved, { ...job, target });
    if (value === undefined) return none(error);
    const line = scheduleLine({ ...value, job: { ...shown, target } });
    return ready({ line, send: () => create("schedules", value, true) });
  }
  const line = sendLine({ ...shown, target }, files);
  return ready({ line, send: () => sendJob({ ...job, target }, count) });
}

async function create(
  what: "schedules" | "templates",
  value: { name: string },
  isSensitive = false,
): Promise<void> {
  const done = `Created ${value.name}`;
  const made = await act({ path: `api/v1/${what}`, body: value, done, isSensitive });
  if (made !== undefined) go([what]);
}

async function sendJob(job: JobRequestInput, count: number): Promise<void> {
  if (!(await confirmAgents(job.command, count))) return;
  const body = { ...job, max_agents: Math.max(count, confirmAbove) };
  const headers = { "Idempotency-Key": crypto.getRandomValues(new Uint32Array(4)).join("-") };
  const made = await act<AcceptedLine>({ path: "api/v1/jobs", body, headers });
  if (made !== undefined) go(["jobs", made.job.job_id]);
}

/** A secret is typed where it is used, and not copied. */
function masked(job: Job, fields: readonly Field[] = []): Job {
  const secrets = fields.filter(({ kind }) => kind === "secret").map(({ name }) => name);
  const shown = Object.entries(job.parameters ?? {}).map(([name, value]) => {
    return [name, secrets.includes(name) ? "SECRET" : value];
  });
  return { ...job, parameters: Object.fromEntries(shown) };
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
