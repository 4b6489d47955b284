/**
 * The closed table of error codes and the one error class of the product. A code crosses the wire,
 * the API and the process boundary unchanged; message texts are for people and are never parsed.
 */

interface CodeInfo {
  /** HTTP status with which the API answers. */
  http: number;
  /** Exit status of the command line. */
  exit: number;
  /** What the code says, in one line; `docs/protocol.md` is checked against it. */
  meaning: string;
}

export const errorCodes = {
  MALFORMED: { http: 400, exit: 2, meaning: "the message is not JSON or not of its type's shape" },
  UNSUPPORTED_TYPE: { http: 400, exit: 1, meaning: "no such message type, or not asked for" },
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
  OFFLINE: { http: 409, exit: 1, meaning: "the agent is away, and was not to be waited for" },
  CANCELLED: { http: 410, exit: 1, meaning: "the request was withdrawn before it began" },
  STOPPED: { http: 410, exit: 1, meaning: "the job was cancelled: the command was stopped midway" },
  NOT_STARTED: {
    http: 500,
    exit: 1,
    meaning: "the command's program could not be started: nothing was done",
  },
  INTERRUPTED: { http: 500, exit: 1, meaning: "the agent died while the command ran" },
  DISCONNECTED: { http: 502, exit: 1, meaning: "the agent had the command and never came back" },
  BUSY: { http: 503, exit: 1, meaning: "a limit of concurrent or waiting requests is reached" },
  STORAGE_UNAVAILABLE: {
    http: 507,
    exit: 1,
    meaning: "the journal or the artifact store cannot be written: nothing was done",
  },
  UNAVAILABLE: { http: 503, exit: 3, meaning: "the control plane is draining or not ready" },
  UNAUTHORIZED: { http: 401, exit: 4, meaning: "the token is missing, unknown or revoked" },
  FORBIDDEN: { http: 403, exit: 4, meaning: "the token or the peer may not do this" },
  NOT_FOUND: { http: 404, exit: 1, meaning: "no such thing" },
  NO_MATCH: { http: 404, exit: 5, meaning: "the target matches no known agent" },
  TOO_MANY_AGENTS: { http: 409, exit: 2, meaning: "the target means more agents than agreed to" },
  UNKNOWN_REQUEST: { http: 404, exit: 1, meaning: "a response to a request that nobody sent" },
  CONFLICT: { http: 409, exit: 1, meaning: "the same key or name with other contents" },
  CHECKSUM_MISMATCH: { http: 422, exit: 1, meaning: "what arrived is not what was announced" },
  INTERNAL: { http: 500, exit: 1, meaning: "a fault of the answering side; its log has the cause" },
  USAGE: { http: 400, exit: 2, meaning: "wrong flags or arguments on the command line" },
  UNREACHABLE: { http: 502, exit: 3, meaning: "the control plane cannot be reached" },
} as const satisfies Record<string, CodeInfo>;

export type ErrorCode = keyof typeof errorCodes;

/** The request id of an error about a message whose own id could not be read. */
export const unknownRequestId = "unknown";

/** Every error that is meant for a person or a peer: a code from the table and a sentence. */
export class WsctlError extends Error {
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

/** The sentence of any thrown value, for logs and for the last line of a failed command. */
export function errorText(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
