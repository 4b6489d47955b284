/** The names and addresses under which this host can be reached. */
import { hostname, networkInterfaces } from "node:os";
import { AddressRanges, plainAddress } from "../../protocol/addressRange.ts";

/**
 * Returns the names for a server certificate: this host's names and addresses, and the advertised
 * ones.
 */
export function serverNames(host: string, advertised: readonly string[]): string[] {
  const bare = bareAddress(host);
  const listened = isWildcardAddress(bare) ? addresses() : [plainAddress(bare)];
  const name = hostname().toLowerCase();
  const own = isDnsName(name) ? [name] : [];
  return [...new Set([...advertised, ...listened, ...own, "localhost", "127.0.0.1", "::1"])];
}

/** Returns the name to use in URLs: the first advertised one, or the listening address. */
export function publicHost(host: string, advertised: readonly string[]): string {
  const [first] = advertised;
  if (first !== undefined) return first;
  const bare = bareAddress(host);
  if (!isWildcardAddress(bare)) return plainAddress(bare);
  return addresses().find((address) => !address.includes(":")) ?? hostname().toLowerCase();
}

/** Returns the host at which this host reaches its own server, which listens at `host`. */
export function localHost(host: string): string {
  const bare = bareAddress(host);
  if (!isWildcardAddress(bare)) return plainAddress(bare);
  return plainAddress(bare) === "0.0.0.0" ? "127.0.0.1" : "::1";
}

/** Returns an address without the brackets of a URL; a name stays as it is. */
export function bareAddress(host: string): string {
  return host.replace(/^\[|\]$/g, "");
}

/** Formats a host for a URL (RFC 3986: IPv6 addresses in brackets). */
export function urlHost(host: string): string {
  return host.includes(":") ? `[${host}]` : host;
}

/** Whether the text is valid as a DNS name in a certificate. */
export function isDnsName(name: string): boolean {
  return /^(?=.{1,253}$)(\*\.)?[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*$/.test(
    name,
  );
}

/** The unspecified address has many notations, such as `0::0`. */
function isWildcardAddress(host: string): boolean {
  return unspecified.has(host);
}

const unspecified = new AddressRanges(["0.0.0.0", "::"]);

/**
 * Returns the addresses of interfaces other than loopback. Link-local ones are skipped, because
 * they are valid only with their interface.
 */
function addresses(): string[] {
  return Object.values(networkInterfaces())
    .flatMap((list) => list ?? [])
    .filter(({ internal, address }) => !internal && !/^fe80:/i.test(address))
    .map(({ address }) => address);
}
