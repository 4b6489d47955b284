/** Ctrl-C while a command follows a job: detach from it, or cancel it. */
import { errorText } from "../../lib/protocol/errors.ts";
import { remark } from "../output/stdio.ts";

export interface Interrupt {
  /** Aborted when the operator detaches; the job continues. */
  isDetached: AbortSignal;
}

const secondThoughtMs = 1_500;

/**
 * One Ctrl-C detaches after 1.5 seconds. A second one within that time cancels the job and waits
 * for its outcomes. A third one, or SIGTERM, detaches at once.
 */
export function newInterrupt(cancel: () => Promise<void>): Interrupt {
  const abort = new AbortController();
  let count = 0;
  let leaving: ReturnType<typeof setTimeout> | undefined;
  process.on("SIGTERM", () => abort.abort());
  process.on("SIGINT", () => {
    count++;
    clearTimeout(leaving);
    if (count === 1) {
      remark("Detaching; press Ctrl-C again to cancel the job");
      leaving = setTimeout(() => abort.abort(), secondThoughtMs);
    } else if (count === 2) {
      remark("Cancelling the job; press Ctrl-C again to detach without its outcomes");
      cancel().catch((error) => {
        remark(`wsctl: ${errorText(error)}`);
        abort.abort();
      });
    } else abort.abort();
  });
  return { isDetached: abort.signal };
}
