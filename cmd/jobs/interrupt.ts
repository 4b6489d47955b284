/** Ctrl-C while a command waits for a job: leave it, or withdraw it. */
import { errorText } from "../../lib/protocol/errors.ts";
import { remark } from "../output/stdio.ts";

export interface Interrupt {
  /** Aborted when the operator leaves: the job goes on. */
  isDetached: AbortSignal;
}

const secondThoughtMs = 1_500;

/**
 * One Ctrl-C leaves, a moment later; a second one within that moment withdraws the job and stays
 * for its outcomes; any further one leaves at once. SIGTERM leaves at once.
 */
export function newInterrupt(withdraw: () => Promise<void>): Interrupt {
  const abort = new AbortController();
  let count = 0;
  let leaving: ReturnType<typeof setTimeout> | undefined;
  process.on("SIGTERM", () => abort.abort());
  process.on("SIGINT", () => {
    count++;
    clearTimeout(leaving);
    if (count === 1) {
      remark("Leaving; press Ctrl-C again to withdraw the job");
      leaving = setTimeout(() => abort.abort(), secondThoughtMs);
    } else if (count === 2) {
      remark("Withdrawing the job; press Ctrl-C again to leave without its outcomes");
      withdraw().catch((error) => {
        remark(`wsctl: ${errorText(error)}`);
        abort.abort();
      });
    } else abort.abort();
  });
  return { isDetached: abort.signal };
}
