/** Starts the supervisor of a run as a process that outlives the agent. */
import { type ChildProcess, spawn } from "node:child_process";

/**
 * Starts the supervisor of the run in a directory.
 * @param self The command line that starts this program.
 */
export function spawnSupervisor(self: readonly string[], dir: string): ChildProcess {
  const [file = "", ...args] = self;
  return spawn(file, [...args, "internal", "supervise", dir], {
    cwd: "/",
    detached: true,
    stdio: "ignore",
    env: supervisorEnv(),
  });
}

/** Returns an environment without the agent's settings and tokens. */
function supervisorEnv(): Record<string, string> {
  const kept = Object.entries(process.env).filter(([name]) => !name.startsWith("WSCTL_"));
  return Object.fromEntries(kept) as Record<string, string>;
}
