/** The URL of the control plane as others reach it, and the CA that identifies it. */
import { computeFingerprint, joinString, loginString } from "../../protocol/api/joinString.ts";

/** A join string is copied by people, so it does not have all nodes of a large cluster. */
const otherNodesMax = 4;

export interface PublicAddressOptions {
  /** `http(s)://HOST[:PORT][/PATH]`, without a slash at the end. */
  url: string;
  /** Whether clients reach this URL through a reverse proxy. */
  isProxied: boolean;
  /** PEM text of the CA of this URL's certificate, unless the systems already trust it. */
  authority: string | undefined;
}

export class PublicAddress {
  readonly #options: PublicAddressOptions;

  constructor(options: PublicAddressOptions) {
    this.#options = options;
  }

  get url(): string {
    return this.#options.url;
  }

  /**
   * Returns the absolute form of a path below this control plane for a client behind the reverse
   * proxy, which cannot be reached by other clients in every network. They get the path, which they
   * resolve below the address that they use.
   *
   * @param url A path, or an absolute URL of an object storage, which stays as it is.
   * @param host The Host header of the request.
   */
  resolve(url: string, host: string | undefined): string {
    const { url: base, isProxied } = this.#options;
    const isForClient = isProxied && host?.toLowerCase() === new URL(base).host;
    return isForClient && url.startsWith("/") ? base + url : url;
  }

  /**
   * Builds the value for `wsctl login`.
   * @param nodes the addresses of the nodes of the cluster
   */
  loginString(token: string, nodes: readonly string[]): string {
    return loginString({ ...this.#places(nodes), token });
  }

  /**
   * Builds the value for `wsctl agent --join`.
   * @param nodes the addresses of the nodes of the cluster
   */
  joinString(token: string, agentId: string | undefined, nodes: readonly string[]): string {
    const name = agentId === undefined ? {} : { agentId };
    return joinString({ ...this.#places(nodes), token, ...name });
  }

  #places(nodes: readonly string[]) {
    const { url, authority } = this.#options;
    const others = nodes.filter((each) => each !== url).slice(0, otherNodesMax);
    return {
      url,
      ...(others.length === 0 ? {} : { others }),
      ...(authority === undefined ? {} : { fingerprint: computeFingerprint(authority) }),
    };
  }
}
