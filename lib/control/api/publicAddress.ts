/** Where others find this control plane, and by which authority they know it. */
import { computeFingerprint, joinString } from "../../protocol/api/joinString.ts";

export class PublicAddress {
  readonly #url: string;
  readonly #authority: string | undefined;

  /** `authority`: PEM text, where systems do not know it. */
  constructor(url: string, authority: string | undefined) {
    this.#url = url;
    this.#authority = authority;
  }

  get url(): string {
    return this.#url;
  }

  /** The one string for `wsctl agent --join`. */
  joinString(token: string, agentId: string | undefined): string {
    return joinString({
      url: this.#url,
      token,
      ...(this.#authority === undefined
        ? {}
        : { fingerprint: computeFingerprint(this.#authority) }),
      ...(agentId === undefined ? {} : { agentId }),
    });
  }
}
