/** How long to wait before the next attempt to connect. Pure; `random` is from 0 up to 1. */
import {
  backoffBaseMs,
  backoffMsMax,
  reconnectJitterMsMax,
  slowReconnectMs,
} from "../../protocol/limits.ts";
import { reconnectPolicy } from "../../protocol/wire/closeCodes.ts";

export interface ReconnectInput {
  /** Attempts and short-lived connections since the last steady one. */
  attempt: number;
  /** Over how long this fleet spreads its first returns, as the control plane advised. */
  spreadMs: number;
  closeCode: number;
  /** What a control plane that went down in order asked for. */
  retryAfterMs: number | undefined;
  random: number;
}

/**
 * Full jitter under a ceiling that doubles, and that is never below the fleet's spread: after a
 * restart of the control plane thousands return at the same moment, the first time included.
 */
export function reconnectDelayMs(facts: ReconnectInput): number {
  if (facts.retryAfterMs !== undefined) return facts.retryAfterMs;
  if (reconnectPolicy(facts.closeCode) === "slow") return slowReconnectMs * (1 + facts.random);
  const doubled = Math.min(backoffMsMax, backoffBaseMs * 2 ** Math.min(facts.attempt, 16));
  return facts.random * Math.max(doubled, Math.min(reconnectJitterMsMax, facts.spreadMs));
}
