/**
 * `fetch_logs` returns lines of a log source of the host. A program of the agent collects them
 * under a supervisor, so it outlives the agent, and it can be followed and stopped.
 */
import { join } from "node:path";
import { toJsonSchema } from "@valibot/to-json-schema";
import * as v from "valibot";
import { networkEnvironment } from "../../network/proxyRules.ts";
import { outputBytesDefault } from "../../protocol/limits.ts";
import { formatIssue } from "../../protocol/schemaError.ts";
import type { ControlPlaneAccess } from "../identity/controlPlaneAccess.ts";
import type { ManifestDirectory } from "../manifests/manifestDirectory.ts";
import { builtInSummary } from "../programs/builtInPrograms.ts";
import { type ProgramKind, type ResolvedProgram, reject } from "../programs/programKind.ts";
import type { RunDirectory } from "../programs/runSpec.ts";
import type { Source } from "./logSource.ts";
import { checkFetchParameters, FetchLogsParameters } from "./parameters.ts";

export interface FetchLogsOptions {
  sources: ManifestDirectory<Source>;
  /** The command line that starts this program. */
  self: readonly string[];
  /** Returns the access with which a large result is stored. */
  access(): ControlPlaneAccess;
}

const name = "fetch_logs";
/** More reads at the same time would not be faster. */
const concurrency = 4;
/** Reading and storing gigabytes takes this long. */
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
    const known =
      names.length === 0 ? "there are none in logs.d" : `available: ${names.join(", ")}`;
    const why = found?.fault ?? `unknown log source on this host; ${known}`;
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
      upload: { access: access(), request_id: requestId, name: `${source.name}.log` },
    });
  const env = networkEnvironment(process.env);
  const steps = [[...self, "internal", "collect"]];
  return { input: { steps, stdin, env }, limits: { concurrency } };
}

function listNames(sources: ManifestDirectory<Source>): string[] {
  return sources.list().flatMap(({ item }) => (item ? [item.name] : []));
}
