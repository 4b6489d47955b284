/**
 * A requested restart. From then on no command starts, and running commands get a limited time to
 * end. The same new process responds to every restart that waits.
 */
import { restartGraceMs } from "../../protocol/limits.ts";
import { enter, put, type RequestEntry } from "./requestEntry.ts";
import type { AgentTransition } from "./transition.ts";

export class PendingRestart {
  #state: { by: number; isOrdered: boolean } | undefined;

  get isPending(): boolean {
    return this.#state !== undefined;
  }

  /** The time at which waiting ends; undefined if no restart waits. */
  next(): number | undefined {
    return this.#state?.isOrdered === false ? this.#state.by : undefined;
  }

  request(now: number): void {
    this.#state ??= { by: now + restartGraceMs, isOrdered: false };
  }

  giveUp(): void {
    this.#state = undefined;
  }

  /**
   * Records every requested restart, once, when it is time. Returns the number of running restart
   * commands.
   */
  execute(entries: Iterable<RequestEntry>, t: AgentTransition): number {
    if (this.#state === undefined) return 0;
    const all = [...entries];
    const running = this.#due(all, t.now);
    if (running === undefined) return 0;
    for (const entry of running) enter(entry, "restarting", t.now);
    const restarting = all.filter(({ record }) => record.state === "restarting");
    t.write(...restarting.map(put));
    // A restart of an earlier process is on trial: this process may be the version on trial.
    const ours = restarting.filter(({ endsProcess }) => endsProcess);
    const update = ours.find(({ record }) => record.update !== undefined)?.record.update;
    t.perform({ type: "restart", ...(update === undefined ? {} : { update }) });
    return running.length;
  }

  #due(entries: readonly RequestEntry[], now: number): RequestEntry[] | undefined {
    if (this.#state === undefined || this.#state.isOrdered) return undefined;
    const running = entries.filter(({ record }) => record.state === "started");
    // The next process resumes the commands that outlive this one.
    const isAlone = running.every(({ endsProcess, record }) => endsProcess || record.outlives);
    if (!isAlone && now < this.#state.by) return undefined;
    this.#state.isOrdered = true;
    return running.filter(({ endsProcess }) => endsProcess);
  }
}
