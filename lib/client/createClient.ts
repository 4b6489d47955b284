/** A client for programs, which chooses the runtime's way to connect by itself. */
import { readFileSync } from "node:fs";
import { parseServerAddress } from "../protocol/api/serverAddress.ts";
import { WsctlError } from "../protocol/errors.ts";
import { loadRuntime } from "../runtime/load.ts";
import { Client } from "./client.ts";
import type { SocketDial } from "./transport.ts";

export interface CreateClientOptions {
  /** `http(s)://HOST[:PORT][/PATH]`. */
  server: string;
  token: string;
  /** The file with the CA certificates to trust (PEM), for a control plane with its own. */
  caFile?: string;
}

/**
 * Creates a client of the HTTP API.
 *
 * @throws {WsctlError} USAGE if the address of the control plane is invalid
 */
export function createClient({ server, token, caFile }: CreateClientOptions): Client {
  const address = parseServerAddress(server);
  if (address === undefined) {
    const text = `Cannot use the address "${server}": it is not http(s):// with a host`;
    throw new WsctlError("USAGE", text);
  }
  const trust = caFile === undefined ? {} : { ca: readFileSync(caFile, "utf8") };
  let opened: Promise<typeof fetch> | undefined;
  const call = async (input: string | URL | Request, init?: RequestInit) => {
    opened ??= loadRuntime().then((runtime) => runtime.fetchWith(trust));
    return (await opened)(input, init);
  };
  const connect: SocketDial = async (options, events) =>
    (await loadRuntime()).connect({ ...options, trust }, events);
  return new Client({
    url: address.url,
    token: token.trim(),
    // Bun's `fetch` has the additional member `preconnect`, which is not used.
    fetch: call as typeof fetch,
    connect,
  });
}
