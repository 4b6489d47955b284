/** Why a connection failed: what runtimes say of it, and the same in plain words. */
import { errorText, WsctlError } from "../protocol/errors.ts";

/** Whether the connection was never made, so that nothing can have arrived. */
export function isRefused(error: unknown): boolean {
  const reason = formatReason(error instanceof WsctlError ? error.cause : error);
  return /refused|ENOTFOUND|getaddrinfo|lookup|FailedToOpenSocket|unable to connect|cert|issuer|self.signed/i.test(
    reason,
  );
}

/** What runtimes put into codes and causes, in one line. */
export function formatReason(error: unknown): string {
  const parts: string[] = [];
  for (let each = error; each instanceof Error && parts.length < 6; each = each.cause) {
    const { code } = each as { code?: unknown };
    for (const part of [each.message, ...(typeof code === "string" ? [code] : [])]) {
      if (!parts.includes(part)) parts.push(part);
    }
  }
  return parts.length === 0 ? errorText(error) : parts.join(": ");
}

const plainReasons: [RegExp, string][] = [
  [/refused/i, "the connection was refused"],
  [/ENOTFOUND|getaddrinfo|lookup|EAI_AGAIN/i, "its host name has no address"],
  [/EHOSTUNREACH|ENETUNREACH|no route/i, "there is no route to it"],
  [/timed?.?out|TimeoutError/i, "it did not answer in time"],
  [/reset|closed unexpectedly|hang up/i, "the connection broke"],
];

/** The usual reasons in plain words; a rarer one as the runtime put it. */
export function plainReason(reason: string): string {
  return plainReasons.find(([pattern]) => pattern.test(reason))?.[1] ?? reason;
}
