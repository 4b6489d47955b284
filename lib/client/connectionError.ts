/** Formats connection errors of different runtimes in plain words. */
import { errorText, WsctlError } from "../protocol/errors.ts";

/** Whether the connection was never established, so that no data can have arrived. */
export function isRefused(error: unknown): boolean {
  const reason = formatReason(error instanceof WsctlError ? error.cause : error);
  return /refused|ENOTFOUND|getaddrinfo|lookup|FailedToOpenSocket|unable to connect|cert|issuer|self.signed/i.test(
    reason,
  );
}

/** Joins codes, messages and causes of an error into one line. */
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
  [/refused/i, "connection refused"],
  [/ENOTFOUND|getaddrinfo|lookup|EAI_AGAIN/i, "host name not found"],
  [/EHOSTUNREACH|ENETUNREACH|no route/i, "no route to the host"],
  [/timed?.?out|TimeoutError/i, "no response in time"],
  [/reset|closed unexpectedly|hang up/i, "connection lost"],
];

/** Returns plain words for common errors, and the runtime's text for others. */
export function plainReason(reason: string): string {
  return plainReasons.find(([pattern]) => pattern.test(reason))?.[1] ?? reason;
}
