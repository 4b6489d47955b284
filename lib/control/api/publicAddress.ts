/** The URL of the control plane as others reach it, and the CA that identifies it. */
import { computeFingerprint, joinString } from "../../protocol/api/joinString.ts";

export class PublicAddress {
  readonly #url: string;
  readonly #authority: string | undefined;

  /** @param authority PEM text of the CA, unless the systems already trust it. */
  constructor(url: string, authority: string | undefined) {
    this.#url = url;
    this.#authority = authority;
  }

  get url(): string {
    return this.#url;
  }

  /** Builds the value for `wsctl agent --join`. */
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
