/**
 * `push_files` and `pull_files`: a program of the agent writes files to this host, or reads files of
 * it. Each is off unless the host allows paths.
 */
import { toJsonSchema } from "@valibot/to-json-schema";
import * as v from "valibot";
import { networkEnvironment } from "../../network/proxyRules.ts";
import type { Capability } from "../../protocol/api/views.ts";
import { PullFilesParameters, PushFilesParameters } from "../../protocol/commands/files.ts";
import { errorText } from "../../protocol/errors.ts";
import { formatIssue } from "../../protocol/schemaError.ts";
import type { ControlPlaneAccess } from "../identity/controlPlaneAccess.ts";
import { announced, builtInSummary } from "../programs/builtInPrograms.ts";
import { type ProgramKind, type ResolvedProgram, reject } from "../programs/programKind.ts";
import type { RunDirectory } from "../programs/runSpec.ts";
import type { OfferRequest } from "./offerFiles.ts";
import { isPathAllowed, notWritable, realTarget } from "./pathPatterns.ts";
import type { ReceiveRequest } from "./receiveFiles.ts";

export interface FileKindOptions {
  /** Patterns of paths that may be written, and that may be read. */
  allowPush: readonly string[];
  allowPull: readonly string[];
  /** The command line that starts this program. */
  self: readonly string[];
  access(): ControlPlaneAccess;
}

/** A transfer over a slow connection takes this long. */
const timeout_seconds = 600;
const concurrency = 4;

/** Returns the program kind of `push_files`. Without a pattern it announces and runs nothing. */
export function pushFiles(options: FileKindOptions): ProgramKind {
  const { allowPush: allowed, self, access } = options;
  return fileKind("push_files", PushFilesParameters, allowed, "--allow-push", (parameters) => ({
    refusal: parameters.archive ? undefined : pushRefusal(allowed, parameters.path),
    steps: [[...self, "internal", "receive-files"]],
    stdin: ({ requestId, dir }: RunDirectory) => {
      const request: ReceiveRequest = {
        ...{ parameters, allowed: [...allowed], access: access() },
        ...{ request_id: requestId, dir },
      };
      return JSON.stringify(request);
    },
  }));
}

/** Returns the program kind of `pull_files`. Without a pattern it announces and runs nothing. */
export function pullFiles(options: FileKindOptions): ProgramKind {
  const { allowPull: allowed, self, access } = options;
  return fileKind("pull_files", PullFilesParameters, allowed, "--allow-pull", (parameters) => ({
    steps: [[...self, "internal", "offer-files"]],
    stdin: ({ requestId, dir }: RunDirectory) => {
      const request: OfferRequest = {
        ...{ parameters, allowed: [...allowed], access: access() },
        ...{ request_id: requestId, dir },
      };
      return JSON.stringify(request);
    },
  }));
}

function fileKind<S extends v.GenericSchema>(
  name: string,
  schema: S,
  allowed: readonly string[],
  flag: string,
  plan: (parameters: v.InferOutput<S>) => {
    /** Why the host does not allow it, as far as that is known before it starts. */
    refusal?: string | undefined;
    steps: string[][];
    stdin: (place: RunDirectory) => string;
  },
): ProgramKind {
  const capability: Capability = {
    ...{ name, description: builtInSummary(name), output: true, timeout_seconds },
    allowed: announced(allowed),
    parameters: { ...toJsonSchema(schema, { errorMode: "ignore", typeMode: "input" }) },
  };
  const resolve = (parameters: unknown): ResolvedProgram => {
    if (allowed.length === 0) {
      const text = `${name} is disabled on this host; enable it with wsctl agent ${flag} PATTERN`;
      return reject("FORBIDDEN", text);
    }
    const parsed = v.safeParse(schema, parameters);
    if (!parsed.success) {
      return reject("INVALID_PARAMETERS", `parameters: ${formatIssue(parsed.issues[0])}`);
    }
    const env = networkEnvironment(process.env);
    const { refusal, ...input } = plan(parsed.output);
    if (refusal !== undefined) return reject("FORBIDDEN", refusal);
    return { input: { ...input, env }, limits: { concurrency } };
  };
  return {
    entries: () => (allowed.length === 0 ? [] : [capability]),
    resolve: (command, parameters) => (command === name ? resolve(parameters) : undefined),
  };
}

/** The program checks again, because links may change in the meantime. */
function pushRefusal(allowed: readonly string[], path: string): string | undefined {
  try {
    return isPathAllowed(allowed, realTarget(path)) ? undefined : notWritable(path);
  } catch (error) {
    return `cannot write "${path}": ${errorText(error)}`;
  }
}
