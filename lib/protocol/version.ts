/**
 * Versions. The protocol's is one integer that grows with every change a peer could notice; the
 * WebSocket subprotocol names the family, so that a peer which knows only the standard is never
 * sent anything beyond it.
 */
import manifest from "../../package.json" with { type: "json" };

/** The product's version, from package.json. */
export const version: string = manifest.version;

/** The subprotocol by which a peer asks for everything beyond the standard. */
export const subprotocol = "wsctl.v1";

/**
 * The protocol's version, announced in `hello` and `welcome`.
 *
 * - 1 (2026-11-23): the standard's five types; `hello`, `welcome`, `ack`, `goaway`; `timeout_seconds`
 *   and `expires_at` in a command, `result` in a response.
 */
export const protocolVersion = 1;
