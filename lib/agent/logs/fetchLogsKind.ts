/**
 * `fetch_logs`: lines of a source that the host names, collected by a program of our own under a
 * supervisor like every other, so that it outlives the agent, can be watched and be stopped.
 */
import { join } from "node:path";
import { toJsonSchema } from "@valibot/to-json-schema";
import * as v from "valibot";
import { outputBytesDefault } from "../../protocol/limits.ts";
import { formatIssue } from "../../protocol/schemaError.ts";
import type { ControlPlaneAccess } from "../identity/controlPlaneAccess.ts";
import { builtInSummary } from "../programs/builtInPrograms.ts";
import type { ManifestDirectory } from "../programs/manifestDirectory.ts";
import { type ProgramKind, type ResolvedProgram, reject } from "../programs/programKind.ts";
import type { RunDirectory } from "../programs/runSpec.ts";
import type { Source } from "./logSource.ts";
import { checkFetchParameters, FetchLogsParameters } from "./parameters.ts";

export interface FetchLogsOptions {
  sources: ManifestDirectory<Source>;
  /** The words that start this very program. */
  self: readonly string[];
  /** How a large result is stored. */
  access: ControlPlaneAccess;
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
      return names.length === 0 ? [] : [buildCapability(names)];
    },
    resolve: (command, parameters) => {
      return command === name ? resolve(options, parameters) : undefined;
    },
  };
}

function buildCapability(names: string[]) {
  const schema = toJsonSchema(FetchLogsParameters, { errorMode: "ignore", typeMode: "input" });
  const properties = { ...schema.properties, source: { type: "string", enum: names } };
  const description = builtInSummary(name);
  return {
    name,
    description,
    parameters: { ...schema, properties },
    output: true,
    timeout_seconds,
  };
}

function resolve(
  { sources, self, access }: FetchLogsOptions,
  parameters: unknown,
): ResolvedProgram {
  const parsed = v.safeParse(FetchLogsParameters, parameters);
  if (!parsed.success) {
    return reject("INVALID_PARAMETERS", `parameters: ${formatIssue(parsed.issues[0])}`);
  }
  const found = sources.find(parsed.output.source);
  if (found?.item === undefined) {
    const names = listNames(sources);
    const known = names.length === 0 ? "it names none in logs.d" : `it has: ${names.join(", ")}`;
    const why = found?.fault ?? `this host has no such source; ${known}`;
    return reject("INVALID_PARAMETERS", `parameters.source: ${why}`);
  }
  const source = found.item;
  const fault = checkFetchParameters(source, parsed.output, Date.now());
  if (fault !== undefined) return reject("INVALID_PARAMETERS", fault);
  const stdin = ({ requestId, dir }: RunDirectory) =>
    JSON.stringify({
      source,
      parameters,
      output: join(dir, "collected"),
      live: true,
      inline_bytes: outputBytesDefault,
      upload: { way: access, request_id: requestId, name: `${source.name}.log` },
    });
  return { input: { steps: [[...self, "internal", "collect"]], stdin }, limits: { concurrency } };
}

function listNames(sources: ManifestDirectory<Source>): string[] {
  return sources.list().flatMap(({ item }) => (item ? [item.name] : []));
}
