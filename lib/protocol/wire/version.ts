/**
 * Versions. The protocol version is an integer that increases with every visible change. The
 * WebSocket subprotocol (RFC 6455, section 1.9) names the family, so that a peer of the standard
 * alone is never sent anything beyond it.
 */
import manifest from "../../../package.json" with { type: "json" };

/** Set by `scripts/build.ts` if a build has another version than package.json. */
declare const WSCTL_VERSION: string | undefined;

/** The version of wsctl. */
export const version: string =
  typeof WSCTL_VERSION === "undefined" ? manifest.version : WSCTL_VERSION;

/** The subprotocol that a peer offers to use everything beyond the standard. */
export const subprotocol = "wsctl.v1";

/**
 * The subprotocol of a check: after the authentication, `hello` is answered with `welcome`, and the
 * connection ends. It is no connection of the agent, whose own one continues.
 */
export const probeSubprotocol = "wsctl.v1.probe";

/** The subprotocol of an operator session (`GET /api/v1/session`). */
export const clientSubprotocol = "wsctl.client.v1";

/**
 * The protocol version, announced in `hello` and `welcome`.
 *
 * - 1 (2026-11-23): the standard's five types; `hello`, `welcome`, `capabilities`, `ack`, `cancel`,
 *   `subscribe_output`, `output`, `goaway`; `timeout_seconds` and `expires_at` in a command,
 *   `result` in a response.
 */
export const protocolVersion = 1;
