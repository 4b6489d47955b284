/** What a run of a template fills in: by the schema of the command, if its agents announce it. */
import { useState } from "preact/hooks";
import type { TemplateView } from "../../../../protocol/api/templates.ts";
import type { AcceptedLine } from "../../../../protocol/api/views.ts";
import type { JsonObject } from "../../../../protocol/json.ts";
import { Problem, Skeleton } from "../parts/badge.tsx";
import { act, confirmAbove, confirmAgents } from "../parts/confirm.tsx";
import { CopyLine } from "../parts/copyLine.tsx";
import { templateRunLine } from "../state/cliLine.ts";
import { counted, visible } from "../state/format.ts";
import { isMissing } from "../state/formValues.ts";
import { type Field, fieldsOf, readFields, unknownField } from "../state/parameters.ts";
import { useCommands, usePreview } from "../state/preview.ts";
import { go } from "../state/router.ts";
import { targetOf } from "../state/runChoice.ts";
import { ParameterForm } from "./parameterForm.tsx";
import { Preview } from "./targetFields.tsx";
import { TextField } from "./textField.tsx";

export function TemplateRunForm({ template }: { template: TemplateView }) {
  const { name, job } = template;
  const [texts, setTexts] = useState<Record<string, string>>({});
  const [agents, setAgents] = useState("");
  const [isBusy, setBusy] = useState(false);
  const kind = /[=!(@]/.test(agents) ? "selector" : "agents";
  const named = targetOf({ command: "", kind, agents, selector: agents });
  const target = job.target ?? named;
  const preview = usePreview(target, job.require_online);
  const commands = useCommands(preview.data?.agents);
  // A field keeps its kind: what is typed before the schema is known would be lost.
  const isReading =
    target !== undefined &&
    preview.error === "" &&
    (preview.data === undefined || commands === undefined);
  const schema = commands?.find((each) => each.name === job.command)?.parameters;
  const fields = promptFields(template, fieldsOf(schema) ?? []);
  const read = readFields(fields, texts, schema ?? {});
  const parameters = read.parameters && readUntyped(read.parameters, fields, schema);
  const run = { ...(job.target === undefined && named !== undefined ? { target: named } : {}) };
  const isReady = target !== undefined && parameters !== undefined;
  const files = fields.filter((each) => each.kind === "file").map((each) => each.name);
  const secrets = fields.filter((each) => each.kind === "secret").map((each) => each.name);
  const shown = Object.entries(parameters ?? {}).map(([key, value]) => {
    return [key, secrets.includes(key) ? "SECRET" : value];
  });
  const count = preview.data?.agents.length ?? 0;
  const submit = async () => {
    if (!(await confirmAgents(job.command, count))) return;
    setBusy(true);
    const headers = { "Idempotency-Key": crypto.getRandomValues(new Uint32Array(4)).join("-") };
    const path = `api/v1/templates/${encodeURIComponent(name)}/run`;
    const body = { ...run, parameters, max_agents: Math.max(count, confirmAbove) };
    const made = await act<AcceptedLine>({ path, body, headers });
    setBusy(false);
    if (made !== undefined) go(["jobs", made.job.job_id]);
  };
  return (
    <form
      class="run"
      onSubmit={(event) => {
        event.preventDefault();
        void submit();
      }}
    >
      {job.target === undefined && (
        <TextField
          id={`${name}-target`}
          label="Target"
          isRequired={true}
          placeholder="web-1, db-* or env=prod"
          text={agents}
          onText={setAgents}
        />
      )}
      {isReading && <Skeleton rows={fields.length} />}
      {!isReading && fields.length > 0 && (
        <ParameterForm
          fields={fields}
          texts={texts}
          onText={(key, text) => setTexts((last) => ({ ...last, [key]: text }))}
        />
      )}
      {isMissing(read.error) ? (
        <p class="quiet">{visible(read.error)}</p>
      ) : (
        <Problem text={read.error || preview.error} />
      )}
      <Preview view={preview.data} />
      {isReady && (
        <CopyLine
          text={templateRunLine(name, { ...run, parameters: Object.fromEntries(shown) }, files)}
        />
      )}
      <p class="buttons">
        <button type="submit" class="primary" disabled={isBusy || !isReady}>
          {preview.data === undefined ? "Run" : `Run on ${counted(count, "agent")}`}
        </button>
      </p>
    </form>
  );
}

/** What a run may fill in; a default of the template makes it optional. */
function promptFields({ prompts, job }: TemplateView, known: readonly Field[]): Field[] {
  return Object.entries(prompts).map(([name, { description = "" }]) => {
    const isRequired = !Object.hasOwn(job.parameters ?? {}, name);
    const field = known.find((each) => each.name === name);
    if (field === undefined) return unknownField(name, isRequired, description);
    return { ...field, isRequired, help: [description, field.help].filter(Boolean).join(" ") };
  });
}

/** Without a schema, a value is JSON or text, as `--param` of the command line reads it. */
function readUntyped(
  parameters: JsonObject,
  fields: readonly Field[],
  schema: JsonObject | undefined,
): JsonObject {
  if (schema !== undefined) return parameters;
  const read = fields.map(({ name }) => [name, jsonOrText(parameters[name])] as const);
  return Object.fromEntries(read.filter(([, value]) => value !== undefined)) as JsonObject;
}

function jsonOrText(value: unknown): unknown {
  if (typeof value !== "string") return value;
  try {
    return JSON.parse(value);
  } catch {
    return value;
  }
}
