/**
 * The close codes of the WebSocket (RFC 6455, section 7.4), their meaning, and the reaction of an
 * agent. WebSocket clients of every runtime can read a close code of 4000 or above with its reason,
 * unlike the reason of a failed upgrade.
 */

/** How a closed agent reconnects: after its back-off, or only after a longer wait. */
export type ReconnectPolicy = "backoff" | "slow";

interface CloseInfo {
  code: number;
  reconnect: ReconnectPolicy;
  meaning: string;
}

export const closeCodes = {
  normal: { code: 1000, reconnect: "backoff", meaning: "normal closure" },
  binaryFrame: {
    code: 1003,
    reconnect: "backoff",
    meaning: "binary frame that is not agreed, or not valid",
  },
  tooLarge: { code: 1009, reconnect: "backoff", meaning: "message over the size limit" },
  restarting: {
    code: 1012,
    reconnect: "backoff",
    meaning: "the control plane is restarting; reconnect",
  },
  tryLater: {
    code: 1013,
    reconnect: "backoff",
    meaning: "the control plane cannot accept this now",
  },
  malformed: { code: 4400, reconnect: "slow", meaning: "too many rejected messages" },
  unauthorized: {
    code: 4401,
    reconnect: "slow",
    meaning: "the token is missing, unknown or revoked",
  },
  forbidden: { code: 4403, reconnect: "slow", meaning: "this token may not connect as an agent" },
  silent: { code: 4408, reconnect: "backoff", meaning: "no heartbeat, or no hello, in time" },
  takenOver: { code: 4409, reconnect: "slow", meaning: "the same agent id connected again" },
  fenced: {
    code: 4410,
    reconnect: "slow",
    meaning: "this key was used from two places; join again with a new join string",
  },
  slowReader: { code: 4413, reconnect: "backoff", meaning: "the agent does not read its messages" },
  pending: {
    code: 4423,
    reconnect: "backoff",
    meaning: "this agent is pending approval",
  },
  rateLimited: { code: 4429, reconnect: "slow", meaning: "too many messages or bytes" },
} as const satisfies Record<string, CloseInfo>;

export type CloseName = keyof typeof closeCodes;

/** How a WebSocket was closed (RFC 6455, section 7.1.5). */
export interface SocketClose {
  code: number;
  reason: string;
}

const slow: ReadonlySet<number> = new Set(
  Object.values(closeCodes)
    .filter((facts) => facts.reconnect === "slow")
    .map((facts) => facts.code),
);

/**
 * Returns what an agent does after a close with this code. Unknown codes count as temporary faults.
 */
export function reconnectPolicy(code: number): ReconnectPolicy {
  return slow.has(code) ? "slow" : "backoff";
}
