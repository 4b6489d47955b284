/**
 * The Content-Security-Policy and related headers of the console: only files of this origin are
 * loaded and run.
 */
import type { Context } from "hono";

const policy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "connect-src 'self'",
  "img-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  // Prevents text from becoming markup, even if the page has a bug.
  "require-trusted-types-for 'script'",
  "trusted-types 'none'",
].join("; ");

export function protectPage(c: Context): void {
  c.header("Content-Security-Policy", policy);
  c.header("X-Frame-Options", "DENY");
  c.header("Referrer-Policy", "same-origin");
  c.header("Cross-Origin-Opener-Policy", "same-origin");
  c.header("Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=()");
}

/**
 * Headers of every response, including the API: no MIME sniffing, and no use by pages of other
 * sites.
 */
export function protectResponse(headers: Headers): void {
  headers.set("X-Content-Type-Options", "nosniff");
  headers.set("Cross-Origin-Resource-Policy", "same-origin");
}
