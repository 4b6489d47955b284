/**
 * The names under which requests are taken: a page in somebody's browser may make its own name
 * point here (DNS rebinding), but cannot make its browser call us by another. Addresses need no
 * name, and this host's own names are known.
 */
import { isIP } from "node:net";
import { hostname } from "node:os";

export class AllowedHosts {
  readonly #names: ReadonlySet<string>;

  /** `advertised`: further names; `*.example.com` stands for one label before the rest. */
  constructor(advertised: readonly string[]) {
    const own = [hostname(), "localhost", ...advertised];
    this.#names = new Set(own.map((name) => name.toLowerCase()));
  }

  /** Whether a `Host` header names this control plane. */
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
