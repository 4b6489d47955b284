/**
 * The close codes of the link, what each means, and what an agent does next. Codes of 4000 and
 * above reach a WebSocket client on every runtime together with their reason, which a refused
 * upgrade does not.
 */

/**
 * How an agent that was closed comes back: at once by its back-off, or only after a longer wait.
 */
export type ReconnectPolicy = "backoff" | "slow";

interface CloseInfo {
  code: number;
  reconnect: ReconnectPolicy;
  meaning: string;
}

export const closeCodes = {
  normal: { code: 1000, reconnect: "backoff", meaning: "the peer ends by itself" },
  textOnly: { code: 1003, reconnect: "backoff", meaning: "a binary frame: messages are text" },
  tooLarge: { code: 1009, reconnect: "backoff", meaning: "a message over the size limit" },
  restarting: {
    code: 1012,
    reconnect: "backoff",
    meaning: "the control plane goes down; come back",
  },
  tryLater: { code: 1013, reconnect: "backoff", meaning: "the control plane cannot take this now" },
  malformed: { code: 4400, reconnect: "slow", meaning: "too many refused messages" },
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
    meaning: "this identity was used from two places: join again",
  },
  slowReader: { code: 4413, reconnect: "backoff", meaning: "the agent does not read its messages" },
  pending: {
    code: 4423,
    reconnect: "backoff",
    meaning: "an operator has yet to approve this agent",
  },
  rateLimited: { code: 4429, reconnect: "slow", meaning: "too many messages or bytes" },
} as const satisfies Record<string, CloseInfo>;

export type CloseName = keyof typeof closeCodes;

const slow: ReadonlySet<number> = new Set(
  Object.values(closeCodes)
    .filter((facts) => facts.reconnect === "slow")
    .map((facts) => facts.code),
);

/** What an agent does after a close with this code; unknown codes count as passing faults. */
export function reconnectPolicy(code: number): ReconnectPolicy {
  return slow.has(code) ? "slow" : "backoff";
}
