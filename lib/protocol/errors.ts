/**
 * The closed table of error codes and the one error class of the product. A code passes through the
 * wire, the API and the process boundary unchanged; message texts are for people and are never
 * parsed.
 */

interface CodeInfo {
  /** The HTTP status of the API response. */
  http: number;
  /** The exit status of the command line. */
  exit: number;
  /** The meaning in one line, which `docs/protocol.md` repeats. */
  meaning: string;
}

export const errorCodes = {
  MALFORMED: { http: 400, exit: 2, meaning: "the message is not JSON or does not match its type" },
  UNSUPPORTED_TYPE: { http: 400, exit: 1, meaning: "unknown message type, or not negotiated" },
  TOO_LARGE: { http: 413, exit: 1, meaning: "the message, parameters or result are over a limit" },
  RATE_LIMITED: { http: 429, exit: 1, meaning: "too many messages or bytes in too short a time" },
  INVALID_COMMAND: { http: 422, exit: 1, meaning: "the agent has no such command" },
  INVALID_PARAMETERS: { http: 422, exit: 1, meaning: "the command's parameters are wrong" },
  TIMEOUT: {
    http: 504,
    exit: 1,
    meaning: "the command was stopped, or unanswered, at its timeout",
  },
  EXPIRED: { http: 410, exit: 1, meaning: "the request's TTL passed before the command started" },
  OFFLINE: { http: 409, exit: 1, meaning: "the agent is offline" },
  CANCELLED: { http: 410, exit: 1, meaning: "the request was cancelled before it started" },
  STOPPED: { http: 410, exit: 1, meaning: "the job was cancelled: the command was stopped midway" },
  NOT_STARTED: {
    http: 500,
    exit: 1,
    meaning: "the command's program could not be started: nothing was done",
  },
  INTERRUPTED: { http: 500, exit: 1, meaning: "the agent process ended while the command ran" },
  DISCONNECTED: { http: 502, exit: 1, meaning: "the agent had the command and did not reconnect" },
  BUSY: { http: 503, exit: 1, meaning: "a limit of concurrent or waiting requests is reached" },
  STORAGE_UNAVAILABLE: {
    http: 507,
    exit: 1,
    meaning: "the journal or the artifact store cannot be written: nothing was done",
  },
  UNCONFIRMED: {
    http: 503,
    exit: 3,
    meaning: "the log did not confirm the change in time: it is not known whether it was made",
  },
  UNAVAILABLE: { http: 503, exit: 3, meaning: "the control plane is draining or not ready" },
  UNAUTHORIZED: { http: 401, exit: 4, meaning: "the token is missing, unknown or revoked" },
  FORBIDDEN: { http: 403, exit: 4, meaning: "the token or the peer may not do this" },
  NOT_FOUND: { http: 404, exit: 1, meaning: "not found" },
  NO_MATCH: { http: 404, exit: 5, meaning: "the target matches no known agent" },
  TOO_MANY_AGENTS: { http: 409, exit: 2, meaning: "the target selects more agents than allowed" },
  UNKNOWN_REQUEST: { http: 404, exit: 1, meaning: "a response to an unknown request" },
  CONFLICT: {
    http: 409,
    exit: 1,
    meaning: "a conflict with the current state, or a key reused with other contents",
  },
  CHECKSUM_MISMATCH: {
    http: 422,
    exit: 1,
    meaning: "the content does not match the announced checksum",
  },
  INTERNAL: {
    http: 500,
    exit: 1,
    meaning: "an internal error; the log of the responding side has the cause",
  },
  USAGE: { http: 400, exit: 2, meaning: "invalid flags or arguments on the command line" },
  UNREACHABLE: { http: 502, exit: 3, meaning: "the control plane cannot be reached" },
} as const satisfies Record<string, CodeInfo>;

export type ErrorCode = keyof typeof errorCodes;

/** The request id in an error about a message whose own id could not be read. */
export const unknownRequestId = "unknown";

/** The error for people and peers: a code from the table and a message. */
export class WsctlError extends Error {
  /** A bundler may call the class otherwise, and runtimes print what it is called. */
  static override readonly name = "WsctlError";
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "WsctlError";
    this.code = code;
  }
}

export function isErrorCode(code: string): code is ErrorCode {
  return Object.hasOwn(errorCodes, code);
}

/** Returns the message of any thrown value. */
export function errorText(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Returns `Cannot <what>: …`, or the error's own sentence if it says what cannot be done. */
export function sentenceOf(what: string, error: unknown): string {
  const text = errorText(error);
  return text.startsWith("Cannot ") ? text : `Cannot ${what}: ${text}`;
}
