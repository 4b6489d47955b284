/**
 * `run_script` runs a script that comes with the request, by the interpreter of its `#!` line. A
 * host refuses scripts unless its configuration allows them.
 */
import { toJsonSchema } from "@valibot/to-json-schema";
import * as v from "valibot";
import type { Capability } from "../../protocol/api/views.ts";
import { RunScriptParameters } from "../../protocol/commands/runScript.ts";
import { formatIssue } from "../../protocol/schemaError.ts";
import { builtInSummary } from "./builtInPrograms.ts";
import { type ProgramKind, type ResolvedProgram, reject } from "./programKind.ts";

/** Returns the program kind of scripts. If they are not allowed it announces and runs nothing. */
export function scripts(isAllowed: boolean): ProgramKind {
  return {
    entries: () => (isAllowed ? [capability] : []),
    resolve: (command, parameters) => {
      return command === "run_script" ? resolve(isAllowed, parameters) : undefined;
    },
  };
}

const capability: Capability = {
  name: "run_script",
  description: builtInSummary("run_script"),
  parameters: { ...toJsonSchema(RunScriptParameters, { errorMode: "ignore", typeMode: "input" }) },
  output: true,
};

function resolve(isAllowed: boolean, parameters: unknown): ResolvedProgram {
  if (!isAllowed) {
    return reject(
      "FORBIDDEN",
      "scripts are disabled on this host; enable them with wsctl agent --allow-scripts",
    );
  }
  const parsed = v.safeParse(RunScriptParameters, parameters);
  if (!parsed.success) {
    return reject("INVALID_PARAMETERS", `parameters: ${formatIssue(parsed.issues[0])}`);
  }
  const { script, arguments: args, stdin, directory, env } = parsed.output;
  return {
    input: {
      steps: [],
      script: { text: script, args },
      stdin,
      env,
      ...(directory === undefined ? {} : { directory }),
    },
  };
}
