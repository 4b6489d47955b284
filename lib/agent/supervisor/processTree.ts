/**
 * All processes of a run, as far as Linux tells of them: who is in the program's process group or
 * session, carries the request's id in its environment, descends from one of these, or was seen to
 * do so before. Who got away from all of that before anybody looked is not found: a process whose
 * parent has ended, in a session of its own, with another environment.
 */
import { readdirSync, readFileSync } from "node:fs";

interface ProcessEntry {
  pid: number;
  parent: number;
  group: number;
  session: number;
  /** When it started, by which it is told from another that was later given its number. */
  startedAt: string;
}

export class ProcessTree {
  readonly #mark: string;
  /** Seen before, and when they started. */
  readonly #known = new Map<number, string>();

  constructor(requestId: string) {
    this.#mark = `WSCTL_REQUEST_ID=${requestId}`;
  }

  /**
   * Those that live, of the program whose process group is this; undefined where there is no list
   * of processes.
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
      // It has ended, or is another user's.
      return false;
    }
  }
}

/** Every process but this one that has not ended. */
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
    // The name comes before, in brackets, and may hold anything.
    const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
    const [state = "", parent, group, session] = fields;
    if (state === "Z" || state === "X") return undefined;
    const ids = { parent: Number(parent), group: Number(group), session: Number(session) };
    return { pid, ...ids, startedAt: fields[19] ?? "" };
  } catch {
    return undefined;
  }
}
