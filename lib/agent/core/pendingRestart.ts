/**
 * A restart that was asked for: from then on nothing new starts, and what runs is waited for, but
 * not for ever. Every restart that waits for its own moment is answered by the same new process.
 */
import { restartGraceMs } from "../../protocol/limits.ts";
import { enter, put, type RequestEntry } from "./requestEntry.ts";
import type { AgentTransition } from "./transition.ts";

export class PendingRestart {
  #state: { by: number; isOrdered: boolean } | undefined;

  get isPending(): boolean {
    return this.#state !== undefined;
  }

  /** When waiting ends; undefined where nothing is waited for. */
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
   * Once it is time, and once only: every restart that was asked for is put on record, and will be
   * answered by the one process that comes back. How many running commands it carries out.
   */
  execute(entries: Iterable<RequestEntry>, t: AgentTransition): number {
    const all = [...entries];
    const running = this.#due(all, t.now);
    if (running === undefined) return 0;
    for (const entry of running) enter(entry, "restarting", t.now);
    const restarting = all.filter(({ record }) => record.state === "restarting");
    t.write(...restarting.map(put));
    // One that an earlier process has ordered is being tried: this very process may be on trial.
    const ours = restarting.filter(({ endsProcess }) => endsProcess);
    const update = ours.find(({ record }) => record.update !== undefined)?.record.update;
    t.perform({ type: "restart", ...(update === undefined ? {} : { update }) });
    return running.length;
  }

  #due(entries: readonly RequestEntry[], now: number): RequestEntry[] | undefined {
    if (this.#state === undefined || this.#state.isOrdered) return undefined;
    const running = entries.filter(({ record }) => record.state === "started");
    // What outlives the process is taken up again by the one that comes back.
    const isAlone = running.every(({ endsProcess, record }) => endsProcess || record.outlives);
    if (!isAlone && now < this.#state.by) return undefined;
    this.#state.isOrdered = true;
    return running.filter(({ endsProcess }) => endsProcess);
  }
}
