/** What becomes of a request that a process before this one left in the journal. Pure. */
import type { ProcessInfo, RequestRecord, ResponseBody } from "./model.ts";
import { failure, restarted, updated } from "./response.ts";

/** Undefined where it goes on as it stands. */
export function recoverRequest(
  record: RequestRecord,
  self: ProcessInfo,
  now: number,
): { answer: ResponseBody } | undefined {
  const { state, outlives, since, update } = record;
  if (state === "started" && !outlives) {
    return { answer: failure("INTERRUPTED", "the agent died while the command ran") };
  }
  if (state !== "restarting") return undefined;
  // Whoever comes after the trial answers.
  if (update !== undefined && self.isOnTrial) return undefined;
  // Whoever is here is the proof.
  return {
    answer:
      update === undefined ? restarted(self, now - since) : updated(update, self, now - since),
  };
}
