/** Calculates the delay before the next attempt to connect. Pure; `random` is from 0 up to 1. */
import {
  backoffBaseMs,
  backoffMsMax,
  reconnectJitterMsMax,
  slowReconnectMs,
} from "../../protocol/limits.ts";
import { reconnectPolicy } from "../../protocol/wire/closeCodes.ts";

export interface ReconnectInput {
  /** The number of attempts and short-lived connections since the last stable one. */
  attempt: number;
  /** The reconnect window of the control plane, in milliseconds. */
  spreadMs: number;
  closeCode: number;
  /** The delay that a control plane requested when it shut down. */
  retryAfterMs: number | undefined;
  random: number;
}

/**
 * Returns a random delay ("full jitter") below a ceiling. The ceiling doubles with each attempt and
 * is never below the reconnect window, because thousands of agents reconnect at the same moment
 * after a restart of the control plane, and the first attempt counts too.
 */
export function reconnectDelayMs(facts: ReconnectInput): number {
  if (facts.retryAfterMs !== undefined) return facts.retryAfterMs;
  if (reconnectPolicy(facts.closeCode) === "slow") return slowReconnectMs * (1 + facts.random);
  const doubled = Math.min(backoffMsMax, backoffBaseMs * 2 ** Math.min(facts.attempt, 16));
  return facts.random * Math.max(doubled, Math.min(reconnectJitterMsMax, facts.spreadMs));
}
