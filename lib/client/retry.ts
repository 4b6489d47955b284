/** Repeats a call whose connection fails, with growing delays. */
import { setTimeout as sleep } from "node:timers/promises";
import { isRefused } from "../network/connectionError.ts";
import { WsctlError } from "../protocol/errors.ts";
import { withSignal } from "./request.ts";

/** How long a broken connection is retried before the error is reported. */
export const retryPauseMs = 60_000;

/** What passes: a lost connection, an answer that is not known, an election or a restart. */
const passing: ReadonlySet<string> = new Set(["UNREACHABLE", "UNCONFIRMED", "UNAVAILABLE"]);

/** Repeats a request that has an idempotency key while it is unknown whether it arrived. */
export function untilKnown<T>(signal: AbortSignal | undefined, call: () => Promise<T>): Promise<T> {
  let mayHaveArrived = false;
  const mayRepeat = (error: WsctlError) => {
    mayHaveArrived ||= error.code !== "UNAVAILABLE" && !isRefused(error);
    return mayHaveArrived;
  };
  return withRetry(signal, mayRepeat, call);
}

/**
 * Calls again while the error passes, for at most a minute.
 *
 * @param mayRepeat Whether the call may be made again after this error.
 * @throws {WsctlError} The last error. If an earlier attempt may have had its effect, the error of
 *   that one, because a refusal of a repetition says nothing about it.
 */
export async function withRetry<T>(
  signal: AbortSignal | undefined,
  mayRepeat: (error: WsctlError) => boolean,
  call: () => Promise<T>,
): Promise<T> {
  const giveUpAt = performance.now() + retryPauseMs;
  let unknown: WsctlError | undefined;
  for (let pauseMs = 200; ; pauseMs = Math.min(pauseMs * 2, 5_000)) {
    try {
      return await call();
    } catch (error) {
      if (!(error instanceof WsctlError) || !passing.has(error.code)) throw error;
      const isRepeatable = mayRepeat(error);
      if (isRepeatable && error.code !== "UNAVAILABLE") unknown = error;
      if (performance.now() > giveUpAt || signal?.aborted === true || !isRepeatable) {
        throw unknown ?? error;
      }
      await sleep(pauseMs * (0.5 + Math.random() / 2), undefined, withSignal(signal));
    }
  }
}
