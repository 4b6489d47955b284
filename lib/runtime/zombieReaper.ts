/**
 * Collects ended children that this process did not start (wait(2)): those of the process that it
 * replaced, and, as the first process of a container, orphans of other processes. Otherwise each
 * would stay in the process table, up to the limit of processes.
 */
import { readdirSync, readFileSync } from "node:fs";

export interface ZombieReaperOptions {
  /** Collects an ended child. */
  reap(pid: number): void;
  /** Lists the ended children of this process. */
  list?(): number[];
}

/** The runtime collects children that it started itself well within this time. */
const pollMs = 2_000;

/** Starts to collect; returns a function that stops it. */
export function startZombieReaper({ reap, list = listZombies }: ZombieReaperOptions): () => void {
  let seen = new Set<number>();
  const timer = setInterval(() => {
    const zombies = list();
    for (const pid of zombies) if (seen.has(pid)) reap(pid);
    seen = new Set(zombies.filter((pid) => !seen.has(pid)));
  }, pollMs);
  timer.unref();
  return () => clearInterval(timer);
}

/** Empty on platforms without `/proc`. */
function listZombies(): number[] {
  return listChildren().filter((pid) => /\) Z /.test(readIfExists(`/proc/${pid}/stat`)));
}

function listChildren(): number[] {
  try {
    const threads = readdirSync("/proc/self/task");
    return threads.flatMap((thread) => {
      const text = readIfExists(`/proc/self/task/${thread}/children`);
      return text.split(" ").filter(Boolean).map(Number);
    });
  } catch {
    return [];
  }
}

/** A process may end, and a thread too, before its file is read. */
function readIfExists(path: string): string {
  try {
    return readFileSync(path, "latin1");
  } catch {
    return "";
  }
}
