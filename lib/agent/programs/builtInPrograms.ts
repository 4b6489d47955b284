/** Commands that every agent has as programs of its own, by name: no manifest may be called so. */
export const builtInPrograms: readonly { name: string; summary: string }[] = [
  { name: "exec", summary: "runs a program that the host's own configuration allows" },
  { name: "fetch_logs", summary: "fetches lines of a log that the host names" },
  { name: "update", summary: "replaces this agent by another version, if that proves itself" },
];

export const builtInProgramNames: readonly string[] = builtInPrograms.map(({ name }) => name);

/** What it does, in one line. */
export function builtInSummary(name: string): string {
  return builtInPrograms.find((program) => program.name === name)?.summary ?? "";
}
