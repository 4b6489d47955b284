/** The parameters of `run_script`, which the CLI builds and the agent checks. */
import * as v from "valibot";

const noNul = v.check((text: string) => !text.includes("\0"), "must not contain a NUL character");

/** The name of an environment variable, as a shell accepts it (POSIX, section 8.1). */
const VariableName = v.pipe(
  v.string(),
  v.regex(/^[A-Za-z_][A-Za-z0-9_]*$/, "must consist of letters, digits and _"),
);

export const RunScriptParameters = v.strictObject({
  script: v.pipe(
    v.string(),
    noNul,
    v.check((text) => readInterpreter(text) !== undefined, "must begin with a #! line"),
  ),
  /** The name of the script's file, for people. */
  name: v.optional(v.pipe(v.string(), v.maxLength(255)), "script"),
  arguments: v.optional(
    v.pipe(v.array(v.pipe(v.string(), noNul)), v.maxLength(1_000, "has more than 1000 arguments")),
    [],
  ),
  stdin: v.optional(v.string(), ""),
  directory: v.optional(v.pipe(v.string(), v.startsWith("/", "must be an absolute path"))),
  env: v.optional(v.record(VariableName, v.pipe(v.string(), noNul)), {}),
});

/**
 * Returns the interpreter of a script and its argument, as execve(2) of Linux reads them: at most
 * one argument, which may contain spaces. Returns undefined if the first line names none.
 */
export function readInterpreter(script: string): string[] | undefined {
  const [first = ""] = script.split("\n", 1);
  const [, interpreter, argument] =
    /^#![ \t]*(\/[^ \t\r]+)(?:[ \t]+(.*?))?[ \t\r]*$/.exec(first) ?? [];
  if (interpreter === undefined) return undefined;
  return argument === undefined || argument === "" ? [interpreter] : [interpreter, argument];
}
