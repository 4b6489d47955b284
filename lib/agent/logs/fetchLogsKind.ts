/**
 * `fetch_logs`: lines of a source that the host names, collected by a program of our own under a
 * supervisor like every other, so that it outlives the agent, can be watched and be stopped.
 */
import { join } from "node:path";
import { toJsonSchema } from "@valibot/to-json-schema";
import * as v from "valibot";
import { outputBytesDefault } from "../../protocol/limits.ts";
import { issueText } from "../../protocol/schemaError.ts";
import type { Way } from "../identity/controlPlaneAccess.ts";
import { summaryOf } from "../programs/builtInPrograms.ts";
import type { Catalogue } from "../programs/manifestDirectory.ts";
import { type ProgramKind, type Resolved, refuse } from "../programs/programKind.ts";
import type { RunPlace } from "../programs/runSpec.ts";
import type { Source } from "./logSource.ts";
import { FetchLogsParameters, faultOfParameters } from "./parameters.ts";

export interface FetchLogsOptions {
  sources: Catalogue<Source>;
  /** The words that start this very program. */
  self: readonly string[];
  /** How a large result is stored. */
  way: Way;
}

const name = "fetch_logs";
/** Reading much at a time helps nobody. */
const concurrency = 4;
/** Reading and storing gigabytes takes its time. */
const timeout_seconds = 600;

export function fetchLogs(options: FetchLogsOptions): ProgramKind {
  return {
    entries: () => {
      const names = options.sources.names();
      return names.length === 0 ? [] : [entryFor(names)];
    },
    resolve: (command, parameters) => {
      return command === name ? resolve(options, parameters) : undefined;
    },
  };
}

function entryFor(names: string[]) {
  const schema = toJsonSchema(FetchLogsParameters, { errorMode: "ignore", typeMode: "input" });
  const properties = { ...schema.properties, source: { type: "string", enum: names } };
  const description = summaryOf(name);
  return {
    name,
    description,
    parameters: { ...schema, properties },
    output: true,
    timeout_seconds,
  };
}

function resolve({ sources, self, way }: FetchLogsOptions, parameters: unknown): Resolved {
  const parsed = v.safeParse(FetchLogsParameters, parameters);
  if (!parsed.success) {
    return refuse("INVALID_PARAMETERS", `parameters: ${issueText(parsed.issues[0])}`);
  }
  const found = sources.find(parsed.output.source);
  if (found?.item === undefined) {
    const names = namesOf(sources);
    const known = names.length === 0 ? "it names none in logs.d" : `it has: ${names.join(", ")}`;
    const why = found?.fault ?? `this host has no such source; ${known}`;
    return refuse("INVALID_PARAMETERS", `parameters.source: ${why}`);
  }
  const source = found.item;
  const fault = faultOfParameters(source, parsed.output, Date.now());
  if (fault !== undefined) return refuse("INVALID_PARAMETERS", fault);
  const stdin = ({ requestId, dir }: RunPlace) =>
    JSON.stringify({
      source,
      parameters,
      output: join(dir, "collected"),
      live: true,
      inline_bytes: outputBytesDefault,
      upload: { way, request_id: requestId, name: `${source.name}.log` },
    });
  return { wanted: { steps: [[...self, "collect"]], stdin }, limits: { concurrency } };
}

function namesOf(sources: Catalogue<Source>): string[] {
  return sources.list().flatMap(({ item }) => (item ? [item.name] : []));
}
