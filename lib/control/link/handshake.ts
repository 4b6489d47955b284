/** Whether a request is a WebSocket handshake (RFC 6455, section 4.2.1). */
import type { Context } from "hono";

/** What a request needs to become a handshake, and the status of the refusal. */
interface HandshakeFault {
  status: 400 | 426;
  expected: string;
}

const version = "13";
/** 16 bytes in Base64. */
const keyPattern = /^[A-Za-z0-9+/]{22}==$/;

/** Returns undefined if the request is a handshake. */
export function findHandshakeFault(c: Context): HandshakeFault | undefined {
  if (c.req.header("upgrade")?.toLowerCase() !== "websocket") {
    return { status: 426, expected: "Upgrade: websocket" };
  }
  if (!words(c.req.header("connection")).includes("upgrade")) {
    return { status: 400, expected: "Connection: Upgrade" };
  }
  const found = c.req.header("sec-websocket-version");
  if (found !== version) {
    const instead = found === undefined ? "" : `, found "${found}"`;
    return { status: 426, expected: `Sec-WebSocket-Version: ${version}${instead}` };
  }
  if (!keyPattern.test(c.req.header("sec-websocket-key") ?? "")) {
    return { status: 400, expected: "Sec-WebSocket-Key: 16 bytes in Base64" };
  }
  return undefined;
}

/** Answers a request that is no handshake (RFC 9110, section 15.5.22). */
export function refuseHandshake(c: Context, { status, expected }: HandshakeFault): Response {
  const message = `Not a WebSocket handshake: expected ${expected}`;
  return c.json({ error: { code: "MALFORMED", message } }, status, {
    Upgrade: "websocket",
    "Sec-WebSocket-Version": version,
  });
}

function words(list: string | undefined): string[] {
  return (list ?? "").split(",").map((word) => word.trim().toLowerCase());
}
