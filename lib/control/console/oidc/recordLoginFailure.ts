/** Records a failed OpenID login: in the log, the audit trail, and the limit of its address. */
import type { Log } from "../../../log/log.ts";
import type { RefusalLog } from "../../audit/auditRequest.ts";
import type { Authenticator } from "../../auth/authenticator.ts";
import { TooManyFailures } from "../../auth/failedAttempts.ts";
import { type LoginError, loginErrors } from "../loginError.ts";

interface FailureContext {
  authenticator: Authenticator;
  refusals: RefusalLog;
  address: string;
  log: Log;
  /** Milliseconds since 1970. */
  now: number;
}

/**
 * @param action The action in the audit trail.
 * @throws {WsctlError} RATE_LIMITED after too many failures of the address
 */
export function recordLoginFailure(
  { authenticator, refusals, address, log, now }: FailureContext,
  error: LoginError,
  action: string,
): void {
  // Counted even if the provider caused it, so that repeated attempts cannot fill the log.
  if (error.code !== "unmapped") {
    const retrySeconds = authenticator.failures.failed(address, now);
    if (retrySeconds !== undefined) throw new TooManyFailures(retrySeconds);
  }
  log.warn("OpenID login failed", {
    reason: error.message,
    address,
    ...(error.subject === undefined ? {} : { subject: error.subject.subject }),
  });
  if (error.code === "unreachable" || error.code === "unsupported") return;
  const actor = error.subject && `${error.subject.issuer}#${error.subject.subject}`;
  const who = actor === undefined ? {} : { actor };
  refusals.record({ ...who, address, code: loginErrors[error.code].code, action });
}
