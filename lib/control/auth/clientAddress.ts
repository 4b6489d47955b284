/**
 * The IP address of a client. It is the peer of the connection, unless that is a trusted reverse
 * proxy: then it is the address that the proxy reports in `Forwarded` (RFC 7239) or
 * `X-Forwarded-For`. Every other peer could write anything there, so its headers are ignored. The
 * other nodes of a cluster are trusted, too: they prove themselves with a secret that they share.
 */
import { timingSafeEqual } from "node:crypto";
import { isIP } from "node:net";
import type { Context } from "hono";
import { AddressRanges, plainAddress } from "../../protocol/addressRange.ts";
import { WsctlError } from "../../protocol/errors.ts";
import type { Runtime } from "../../runtime/runtime.ts";

/** The header in which a node of a cluster proves that it is one. */
export const nodeHeader = "wsctl-node";

export class ClientAddresses {
  readonly #runtime: Pick<Runtime, "remoteAddress">;
  readonly #trusted: AddressRanges;
  readonly #nodeSecret: string | undefined;

  /**
   * @param trustedProxies Addresses and ranges of reverse proxies.
   * @param nodeSecret The secret of the nodes of this cluster.
   */
  constructor(
    runtime: Pick<Runtime, "remoteAddress">,
    trustedProxies: readonly string[],
    nodeSecret?: string,
  ) {
    this.#runtime = runtime;
    this.#trusted = new AddressRanges(trustedProxies);
    this.#nodeSecret = nodeSecret;
  }

  /**
   * Returns the client's address.
   *
   * @throws {WsctlError} MALFORMED if the two headers of a trusted proxy contradict each other: the
   *   client wrote the one that the proxy does not set.
   */
  find(c: Context): string {
    const peer = plainAddress(this.#runtime.remoteAddress(c));
    const forwarded = c.req.header("forwarded");
    const others = c.req.header("x-forwarded-for");
    if (this.isNode(c)) return parseNode(others ?? "") ?? peer;
    if ((forwarded === undefined && others === undefined) || !this.#trusted.has(peer)) return peer;
    const found = [
      ...(forwarded === undefined ? [] : [this.#nearest(peer, forwarded, readForwarded)]),
      ...(others === undefined ? [] : [this.#nearest(peer, others, parseNode)]),
    ];
    const [client = peer, other = client] = found;
    if (client === other) return client;
    const text = "Headers Forwarded and X-Forwarded-For name different clients";
    const fix = "Configure the reverse proxy to remove the one that it does not set";
    throw new WsctlError("MALFORMED", `${text}. ${fix}`);
  }

  /** Whether the request comes from another node of this cluster. */
  isNode(c: Context): boolean {
    const given = Buffer.from(c.req.header(nodeHeader) ?? "");
    const secret = Buffer.from(this.#nodeSecret ?? "");
    if (secret.length === 0 || given.length !== secret.length) return false;
    return timingSafeEqual(given, secret);
  }

  /**
   * Returns the rightmost address that is no trusted proxy: each proxy appends its own peer, so
   * what is further left may be forged. The list is split at every comma, also in quotes, because a
   * quote that the client opened would hide what the proxy appended.
   */
  #nearest(peer: string, list: string, read: (entry: string) => string | undefined): string {
    let nearest = peer;
    for (const entry of list.split(",").reverse()) {
      const address = read(entry.trim());
      // The proxy does not say who its peer is (RFC 7239, section 6.2 and 6.3).
      if (address === undefined) return nearest;
      nearest = address;
      if (!this.#trusted.has(address)) return address;
    }
    return nearest;
  }
}

/** Returns the address of the parameter `for` of one element. */
function readForwarded(element: string): string | undefined {
  const given = element
    .split(";")
    .map((pair) => /^\s*for\s*=\s*(?:"([^"\\]*)"|([^"\s]*))\s*$/i.exec(pair))
    .filter((match) => match !== null);
  const [match] = given;
  return given.length === 1 && match ? parseNode(match[1] ?? match[2] ?? "") : undefined;
}

/** Parses an address, with or without a port: `192.0.2.7:4711`, `[2001:db8::7]:4711`. */
function parseNode(text: string): string | undefined {
  const bare =
    /^\[([^\]]+)\](?::\d+)?$/.exec(text)?.[1] ?? /^([\d.]+):\d+$/.exec(text)?.[1] ?? text;
  const address = plainAddress(bare);
  return isIP(address) === 0 ? undefined : address.toLowerCase();
}
