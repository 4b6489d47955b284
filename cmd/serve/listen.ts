/** The flags of `serve` that decide where it listens, and how others reach it. */
import { isIP } from "node:net";
import type { TlsChoice } from "../../lib/control/tls/openCertificates.ts";
import { bareAddress, isDnsName } from "../../lib/control/tls/serverNames.ts";
import { AddressRanges, isAddressRange } from "../../lib/protocol/addressRange.ts";
import { usage } from "../cli/strictArgs.ts";
import { parseSeconds } from "../flags/values.ts";

export interface ListenFlags {
  host: string;
  tls: string;
  "tls-cert"?: string | undefined;
  "tls-key"?: string | undefined;
  "tls-lifetime": string;
  "insecure-plaintext"?: boolean | undefined;
}

const loopback = new AddressRanges(["127.0.0.0/8", "::1"]);

/**
 * Returns the address to listen on, without brackets.
 * @throws {WsctlError} USAGE
 */
export function parseHost(text: string): string {
  const bare = bareAddress(text.trim());
  if (bare === "") throw usage("Flag --host is empty: expected an address or a host name");
  if (!bare.includes("%")) return bare;
  const reason = "no URL can contain its zone";
  throw usage(`Flag --host is "${text}": ${reason}. Specify another address of the host, or ::`);
}

/** @throws {WsctlError} USAGE */
export function parsePort(text: string): number {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : Number.NaN;
  if (port >= 0 && port <= 65_535) return port;
  throw usage(`Flag --port is "${text}": expected a number from 0 to 65535`);
}

/**
 * Plain text on other addresses than loopback requires an explicit flag.
 * @throws {WsctlError} USAGE
 */
export function parseTlsChoice(options: ListenFlags): TlsChoice {
  const { host, tls, "tls-cert": cert, "tls-key": key, "tls-lifetime": lifetime } = options;
  const isPlain = options["insecure-plaintext"] === true;
  if (cert !== undefined && key !== undefined) {
    if (tls !== "off" && !isPlain) return { kind: "files", cert, key };
    throw usage(
      "Flags --tls-cert and --tls-key cannot be combined with --tls off or --insecure-plaintext",
    );
  }
  if (cert !== undefined || key !== undefined) {
    throw usage("Flags --tls-cert and --tls-key must be specified together");
  }
  if (tls === "on" && isPlain) {
    throw usage("Flags --insecure-plaintext and --tls on cannot be combined");
  }
  const isLoopback = loopback.has(host) || host.toLowerCase() === "localhost";
  if (tls === "on" || (tls === "auto" && !isLoopback && !isPlain)) {
    const seconds = parseSeconds("tls-lifetime", lifetime);
    if (seconds >= 1 && seconds <= 397 * 24 * 60 * 60) {
      return { kind: "own", lifetimeMs: seconds * 1000 };
    }
    throw usage(`Flag --tls-lifetime is "${lifetime}": expected a time from 1s to 397d`);
  }
  if (isLoopback || isPlain) return { kind: "off" };
  throw usage(
    `Cannot serve on "${host}" without TLS: remove --tls off, or specify --insecure-plaintext to let the network read tokens and commands`,
  );
}

/** @throws {WsctlError} USAGE */
export function parseAdvertisedName(name: string): string {
  const bare = name.toLowerCase().replace(/^\[|\]$/g, "");
  if (isIP(bare) !== 0 || isDnsName(bare)) return bare;
  throw usage(`Flag --advertise is "${name}": expected a host name or an address, without a port`);
}

/** @throws {WsctlError} USAGE with the range that is none. */
export function parseAddresses(flag: string, ranges: string[]): string[] {
  const wrong = ranges.find((range) => !isAddressRange(range));
  if (wrong === undefined) return ranges;
  throw usage(`Flag --${flag} is "${wrong}": expected an address or a range such as 10.0.0.0/8`);
}
