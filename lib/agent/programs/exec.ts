/**
 * `exec` runs any program that the host's configuration allows, as an argument list and without a
 * shell. Without a pattern it is disabled.
 */
import { toJsonSchema } from "@valibot/to-json-schema";
import * as v from "valibot";
import type { Capability } from "../../protocol/api/views.ts";
import { formatIssue } from "../../protocol/schemaError.ts";
import { isWindows } from "../../system/current.ts";
import { announced, builtInSummary } from "./builtInPrograms.ts";
import { type ProgramKind, type ResolvedProgram, reject } from "./programKind.ts";

const absoluteRule = "must be an absolute path";
/** As a pattern, which the control plane checks before the job is sent. */
const absolute = isWindows
  ? v.regex(/^[A-Za-z]:\\/, absoluteRule)
  : v.startsWith("/", absoluteRule);

const Parameters = v.strictObject({
  argv: v.pipe(
    v.array(
      v.pipe(
        v.string(),
        v.check((text) => !text.includes("\0"), "must not contain a NUL character"),
      ),
    ),
    v.minLength(1, "must name a program"),
    v.maxLength(1_000, "has more than 1000 arguments"),
    v.check((argv) => argv[0] !== "", "must name a program"),
  ),
  stdin: v.optional(v.string(), ""),
  directory: v.optional(v.pipe(v.string(), absolute)),
});

/** Returns the program kind of `exec`. Without a pattern it announces and runs nothing. */
export function execWithin(patterns: readonly string[]): ProgramKind {
  return {
    entries: () => (patterns.length === 0 ? [] : [{ ...capability, allowed: announced(patterns) }]),
    resolve: (command, parameters) => {
      return command === "exec" ? resolve(patterns, parameters) : undefined;
    },
  };
}

const capability: Capability = {
  name: "exec",
  description: builtInSummary("exec"),
  parameters: { ...toJsonSchema(Parameters, { errorMode: "ignore", typeMode: "input" }) },
  output: true,
};

function resolve(patterns: readonly string[], parameters: unknown): ResolvedProgram {
  if (patterns.length === 0) {
    return reject(
      "FORBIDDEN",
      "exec is disabled on this host; enable it with wsctl agent --allow-exec",
    );
  }
  const read = parseExec(parameters);
  if (read.exec === undefined) return reject("INVALID_PARAMETERS", read.fault);
  const { argv, stdin, directory } = read.exec;
  if (isAllowed(patterns, argv)) {
    const place = directory === undefined ? {} : { directory };
    return { input: { steps: [argv], stdin, ...place } };
  }
  const rule = "In a pattern, * is one argument and ** is any number";
  const text = `this host's patterns for exec do not allow these arguments. ${rule}; allow them with wsctl agent --allow-exec`;
  return reject("FORBIDDEN", text);
}

export type Exec = v.InferOutput<typeof Parameters>;

/** Returns the parameters of `exec`, or what is wrong with them. */
export function parseExec(parameters: unknown): { exec: Exec } | { exec?: never; fault: string } {
  const parsed = v.safeParse(Parameters, parameters);
  if (parsed.success) return { exec: parsed.output };
  return { fault: `parameters: ${formatIssue(parsed.issues[0])}` };
}

/**
 * Whether a pattern allows these arguments. Each word of a pattern matches one argument. `*` in a
 * word matches any text; `**` as the last word matches any further arguments.
 */
export function isAllowed(patterns: readonly string[], argv: readonly string[]): boolean {
  return patterns.some((pattern) => {
    const words = pattern.split(/\s+/).filter((word) => word !== "");
    const isOpen = words.at(-1) === "**";
    const fixed = isOpen ? words.slice(0, -1) : words;
    if (isOpen ? argv.length < Math.max(1, fixed.length) : argv.length !== fixed.length) {
      return false;
    }
    return fixed.every((word, index) => matches(word, argv[index] ?? ""));
  });
}

/** It uses no regular expression, so that no input can make it slow. */
function matches(word: string, text: string): boolean {
  const parts = word.split("*");
  const [first = ""] = parts;
  if (parts.length === 1) return word === text;
  const last = parts.at(-1) ?? "";
  if (!text.startsWith(first) || !text.endsWith(last)) return false;
  let at = first.length;
  const end = text.length - last.length;
  for (const part of parts.slice(1, -1)) {
    const found = text.indexOf(part, at);
    if (found < 0) return false;
    at = found + part.length;
  }
  return at <= end;
}
