/** Decides what happens to a request that an earlier process left in the journal. Pure. */
import type { ProcessInfo, RequestRecord, ResponseBody } from "./model.ts";
import type { RequestEntry } from "./requestEntry.ts";
import { failure, restarted, updated } from "./response.ts";
import type { AgentTransition } from "./transition.ts";

/** Returns undefined if the request continues unchanged. */
export function recoverRequest(
  record: RequestRecord,
  self: ProcessInfo,
  now: number,
): { answer: ResponseBody } | undefined {
  const { state, outlives, since, update, expiresAt } = record;
  // The clock was set back while no agent ran: how long the request has waited is not known.
  if (state === "accepted" && expiresAt !== undefined && since > now) {
    const text = "the host's clock was set back, so its time to live may have passed";
    return { answer: failure("EXPIRED", `${text}; it was not started`) };
  }
  if (state === "started" && !outlives) {
    return { answer: failure("INTERRUPTED", "the agent's process ended while the command ran") };
  }
  if (state !== "restarting") return undefined;
  // The process that remains after the trial responds.
  if (update !== undefined && self.isOnTrial) return undefined;
  // The restart succeeded: this process is the new one.
  const awayMs = Math.max(0, now - since);
  return { answer: update === undefined ? restarted(self, awayMs) : updated(update, self, awayMs) };
}

interface Inherited {
  entry: RequestEntry;
  /** The response that recovery decided on. */
  answer: ResponseBody | undefined;
}

/**
 * The requests that waited in the queue of an earlier process. They wait on until the control plane
 * has said whether this journal is the latest one of the agent: if the machine was made from an
 * older image of another one, the other one has them, too.
 */
export class InheritedQueue {
  readonly #waiting = new Map<string, Inherited>();

  add(entry: RequestEntry, answer: ResponseBody | undefined): void {
    this.#waiting.set(entry.record.requestId, { entry, answer });
  }

  has(requestId: string): boolean {
    return this.#waiting.has(requestId);
  }

  /**
   * Ends the wait. Requests of an older journal are given up without a response, which only the
   * machine with the latest journal can give.
   *
   * @returns those to continue with
   */
  release(
    isLatest: boolean,
    entries: Map<string, RequestEntry>,
    t: AgentTransition,
  ): readonly Inherited[] {
    const all = [...this.#waiting.values()];
    this.#waiting.clear();
    if (isLatest) return all;
    for (const { entry } of all) {
      const { requestId } = entry.record;
      t.write({ type: "markAcknowledged", requestId });
      entries.delete(requestId);
    }
    return [];
  }
}
