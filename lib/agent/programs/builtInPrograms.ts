/** The built-in commands that run as programs. Custom commands cannot use their names. */
export const builtInPrograms: readonly { name: string; summary: string }[] = [
  { name: "exec", summary: "runs a program that the host's configuration allows" },
  {
    name: "run_script",
    summary: "runs a script that comes with the request, if the host allows it",
  },
  { name: "push_files", summary: "writes files to paths that the host's configuration allows" },
  { name: "pull_files", summary: "reads files from paths that the host's configuration allows" },
  { name: "fetch_logs", summary: "fetches lines of a log source of the host" },
  { name: "update", summary: "updates this agent to another version, if that passes its trial" },
];

export const builtInProgramNames: readonly string[] = builtInPrograms.map(({ name }) => name);

/** Returns the one-line summary of a built-in program. */
export function builtInSummary(name: string): string {
  return builtInPrograms.find((program) => program.name === name)?.summary ?? "";
}
