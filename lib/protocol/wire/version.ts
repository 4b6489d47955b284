/**
 * Versions. The protocol's is one integer that grows with every change a peer could notice; the
 * WebSocket subprotocol names the family, so that a peer which knows only the standard is never
 * sent anything beyond it.
 */
import manifest from "../../../package.json" with { type: "json" };

/** Set by `scripts/build.ts` where a build is to have another version than package.json says. */
declare const WSCTL_VERSION: string | undefined;

/** The product's version. */
export const version: string =
  typeof WSCTL_VERSION === "undefined" ? manifest.version : WSCTL_VERSION;

/** The subprotocol by which a peer asks for everything beyond the standard. */
export const subprotocol = "wsctl.v1";

/**
 * The protocol's version, announced in `hello` and `welcome`.
 *
 * - 1 (2026-11-23): the standard's five types; `hello`, `welcome`, `capabilities`, `ack`, `cancel`,
 * `subscribe_output`,
 *   `output`, `goaway`; `timeout_seconds` and `expires_at` in a command, `result` in a response.
 */
export const protocolVersion = 1;
