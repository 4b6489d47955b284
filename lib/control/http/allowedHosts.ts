/**
 * The host names under which requests are accepted, as a protection against DNS rebinding: a web
 * page can point its own name to this server, but its browser still sends that name in the Host
 * header. IP addresses and this host's own names are always allowed.
 */
import { isIP } from "node:net";
import { hostname } from "node:os";

export class AllowedHosts {
  readonly #names: ReadonlySet<string>;

  /** @param advertised Further names; `*.example.com` matches exactly one label in place of `*`. */
  constructor(advertised: readonly string[]) {
    const own = [hostname(), "localhost", ...advertised];
    this.#names = new Set(own.map((name) => name.toLowerCase()));
  }

  /** Whether the Host header (RFC 9110, section 7.2) is allowed. */
  allows(header: string | undefined): boolean {
    const host = /^(\[[0-9a-f:.]+\]|[^:[\]\s/@]+)(?::\d{1,5})?$/i.exec(header ?? "")?.[1];
    if (host === undefined) return false;
    const bare = host
      .toLowerCase()
      .replace(/^\[|\]$/g, "")
      .replace(/\.$/, "");
    if (isIP(bare) !== 0 || this.#names.has(bare)) return true;
    const dot = bare.indexOf(".");
    return dot > 0 && this.#names.has(`*${bare.slice(dot)}`);
  }
}
