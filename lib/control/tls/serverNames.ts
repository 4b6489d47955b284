/** Under which names and addresses this host can be reached, as far as it knows itself. */
import { hostname, networkInterfaces } from "node:os";

/** What a certificate of our own vouches for: this host's names and addresses, and those given. */
export function serverNames(host: string, advertised: readonly string[]): string[] {
  const bare = host.replace(/^\[|\]$/g, "");
  const listened = isWildcardAddress(bare) ? addresses() : [bare];
  const name = hostname().toLowerCase();
  const own = isDnsName(name) ? [name] : [];
  return [...new Set([...advertised, ...listened, ...own, "localhost", "127.0.0.1", "::1"])];
}

/** The name to give to others: one that was advertised, or where this host listens. */
export function publicHost(host: string, advertised: readonly string[]): string {
  const [first] = advertised;
  if (first !== undefined) return first;
  const bare = host.replace(/^\[|\]$/g, "");
  if (!isWildcardAddress(bare)) return bare;
  return addresses().find((address) => !address.includes(":")) ?? hostname().toLowerCase();
}

/** A host as it stands in a URL. */
export function urlHost(host: string): string {
  return host.includes(":") ? `[${host}]` : host;
}

/** Whether it can stand in a certificate as a name. */
export function isDnsName(name: string): boolean {
  return /^(?=.{1,253}$)(\*\.)?[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*$/.test(
    name,
  );
}

function isWildcardAddress(host: string): boolean {
  return host === "0.0.0.0" || host === "::";
}

/** Of the interfaces beyond loopback; link-local ones mean nothing without their interface. */
function addresses(): string[] {
  return Object.values(networkInterfaces())
    .flatMap((list) => list ?? [])
    .filter(({ internal, address }) => !internal && !/^fe80:/i.test(address))
    .map(({ address }) => address);
}
