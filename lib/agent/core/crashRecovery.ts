/** Decides what happens to a request that an earlier process left in the journal. Pure. */
import type { ProcessInfo, RequestRecord, ResponseBody } from "./model.ts";
import { failure, restarted, updated } from "./response.ts";

/** Returns undefined if the request continues unchanged. */
export function recoverRequest(
  record: RequestRecord,
  self: ProcessInfo,
  now: number,
): { answer: ResponseBody } | undefined {
  const { state, outlives, since, update } = record;
  if (state === "started" && !outlives) {
    return { answer: failure("INTERRUPTED", "the agent's process ended while the command ran") };
  }
  if (state !== "restarting") return undefined;
  // The process that remains after the trial responds.
  if (update !== undefined && self.isOnTrial) return undefined;
  // The restart succeeded: this process is the new one.
  return {
    answer:
      update === undefined ? restarted(self, now - since) : updated(update, self, now - since),
  };
}
