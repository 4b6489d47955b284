/**
 * Finds all processes of a run on Linux (proc(5)): those in the program's process group or session,
 * with the request's id in their environment, their descendants, and those that were found before.
 * A process that has left all of these before the first search is not found: its parent has ended,
 * and it has its own session and another environment.
 */
import { readdirSync, readFileSync } from "node:fs";

interface ProcessEntry {
  pid: number;
  parent: number;
  group: number;
  session: number;
  /** The start time, which distinguishes the process from a later one with the same pid. */
  startedAt: string;
}

export class ProcessTree {
  readonly #mark: string;
  /** Processes that were found before, with their start times. */
  readonly #known = new Map<number, string>();

  constructor(requestId: string) {
    this.#mark = `WSCTL_REQUEST_ID=${requestId}`;
  }

  /**
   * Returns the live processes of the program with this process group; undefined without `/proc`.
   */
  alive(root: number): ProcessEntry[] | undefined {
    const entries = listProcesses();
    if (entries === undefined) return undefined;
    const found = new Map<number, ProcessEntry>();
    const others = new Map(entries.map((entry) => [entry.pid, entry]));
    const take = (fits: (entry: ProcessEntry) => boolean): boolean => {
      const taken = [...others.values()].filter(fits);
      for (const entry of taken) {
        others.delete(entry.pid);
        found.set(entry.pid, entry);
        this.#known.set(entry.pid, entry.startedAt);
      }
      return taken.length > 0;
    };
    take(({ pid, group, session, startedAt }) => {
      return group === root || session === root || this.#known.get(pid) === startedAt;
    });
    take(({ pid }) => this.#isMarked(pid));
    const isLedByTree = (session: number) => this.#known.has(session) && !others.has(session);
    while (take(({ parent, session }) => found.has(parent) || isLedByTree(session)));
    return [...found.values()];
  }

  #isMarked(pid: number): boolean {
    try {
      return readFileSync(`/proc/${pid}/environ`, "latin1").split("\0").includes(this.#mark);
    } catch {
      // The process has ended, or belongs to another user.
      return false;
    }
  }
}

/** Returns every other process that has not ended. */
function listProcesses(): ProcessEntry[] | undefined {
  let names: string[];
  try {
    names = readdirSync("/proc").filter((name) => /^\d+$/.test(name));
  } catch {
    return undefined;
  }
  return names.flatMap((name) => {
    const entry = readProcess(Number(name));
    return entry === undefined || entry.pid === process.pid ? [] : [entry];
  });
}

function readProcess(pid: number): ProcessEntry | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, "latin1");
    // The process name comes before, in parentheses, and may contain any character.
    const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
    const [state = "", parent, group, session] = fields;
    if (state === "Z" || state === "X") return undefined;
    const ids = { parent: Number(parent), group: Number(group), session: Number(session) };
    return { pid, ...ids, startedAt: fields[19] ?? "" };
  } catch {
    return undefined;
  }
}
