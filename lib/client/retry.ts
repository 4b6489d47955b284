/** Repeats a call whose connection fails, with growing delays. */
import { setTimeout as sleep } from "node:timers/promises";
import { WsctlError } from "../protocol/errors.ts";
import { withSignal } from "./request.ts";

/** How long a broken connection is retried before the error is reported. */
const retryPauseMs = 60_000;

/** Neither says that the call had no effect. */
const passing: ReadonlySet<string> = new Set(["UNREACHABLE", "UNCONFIRMED"]);

export async function withRetry<T>(
  signal: AbortSignal | undefined,
  mayRepeat: (error: unknown) => boolean,
  call: () => Promise<T>,
): Promise<T> {
  const giveUpAt = performance.now() + retryPauseMs;
  let unconfirmed: WsctlError | undefined;
  for (let pauseMs = 200; ; pauseMs = Math.min(pauseMs * 2, 5_000)) {
    try {
      return await call();
    } catch (error) {
      const code = error instanceof WsctlError ? error.code : "INTERNAL";
      if (code === "UNCONFIRMED") unconfirmed = error as WsctlError;
      // That a repetition had no effect says nothing about the first attempt.
      const isUnknown = unconfirmed !== undefined && code === "UNAVAILABLE";
      const isPassing = isUnknown || passing.has(code);
      const isOver = performance.now() > giveUpAt || signal?.aborted === true;
      if (!isPassing || isOver || !mayRepeat(error)) {
        throw isUnknown ? unconfirmed : error;
      }
      await sleep(pauseMs * (0.5 + Math.random() / 2), undefined, withSignal(signal));
    }
  }
}
