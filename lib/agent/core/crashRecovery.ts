/** Decides what happens to a request that an earlier process left in the journal. Pure. */
import type { ProcessInfo, RequestRecord, ResponseBody } from "./model.ts";
import { failure, restarted, updated } from "./response.ts";

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
