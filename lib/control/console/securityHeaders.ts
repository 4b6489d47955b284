/** What every answer to a browser says of itself: run and load what is ours, and nothing else. */
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
  // No text becomes markup, whatever a mistake of ours would do with it.
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

/** For every answer, the API's too: it is what it says, and no other site's page may have it. */
export function protectResponse(headers: Headers): void {
  headers.set("X-Content-Type-Options", "nosniff");
  headers.set("Cross-Origin-Resource-Policy", "same-origin");
}
