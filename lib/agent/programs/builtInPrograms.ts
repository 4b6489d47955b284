/** The built-in commands that run as programs. Custom commands cannot use their names. */

export interface BuiltInProgram {
  name: string;
  summary: string;
  /** What a host must configure, or else an agent does not offer the command. */
  enabledBy: string;
}

export const builtInPrograms: readonly BuiltInProgram[] = [
  {
    name: "exec",
    summary: "runs a program that the host's configuration allows",
    enabledBy: "agent --allow-exec",
  },
  {
    name: "run_script",
    summary: "runs a script that comes with the request, if the host allows it",
    enabledBy: "agent --allow-scripts",
  },
  {
    name: "push_files",
    summary: "writes files to paths that the host's configuration allows",
    enabledBy: "agent --allow-push",
  },
  {
    name: "pull_files",
    summary: "reads files from paths that the host's configuration allows",
    enabledBy: "agent --allow-pull",
  },
  {
    name: "fetch_logs",
    summary: "fetches lines of a log source of the host",
    enabledBy: "a source in logs.d",
  },
  {
    name: "update",
    summary: "updates this agent to another version, if that passes its trial",
    enabledBy: "agent --release-key",
  },
];

export const builtInProgramNames: readonly string[] = builtInPrograms.map(({ name }) => name);

/** Returns the one-line summary of a built-in program. */
export function builtInSummary(name: string): string {
  return builtInPrograms.find((program) => program.name === name)?.summary ?? "";
}

const patternsMax = 20;
const patternCharsMax = 200;

/**
 * Returns the patterns of a host as they are announced. The list of capabilities is limited, so
 * these are the first ones, and a mark if there are more.
 */
export function announced(patterns: readonly string[]): string[] {
  const shown = patterns.slice(0, patternsMax).map((pattern) => {
    return pattern.length <= patternCharsMax ? pattern : `${pattern.slice(0, patternCharsMax)}…`;
  });
  return patterns.length > patternsMax ? [...shown, "…"] : shown;
}
