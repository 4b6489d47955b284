/** Checks the address of a node. */
import { WsctlError } from "../../protocol/errors.ts";

/** @throws {WsctlError} USAGE if the other nodes, which are elsewhere, cannot reach this one */
export function assertReachable(url: string, servers: readonly string[]): void {
  const isLocal = (each: string) => /^\w+:\/\/(?:localhost|127\.|\[::1\])/.test(each);
  if (!isLocal(url) || servers.every(isLocal)) return;
  const text = `Cannot be a node of a cluster at ${url}: the other nodes cannot reach that address`;
  throw new WsctlError("USAGE", `${text}. Set --host 0.0.0.0, and --advertise NAME`);
}
