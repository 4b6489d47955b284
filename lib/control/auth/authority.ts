/**
 * The authority of one request. A request is authenticated when its headers arrive, but decisions
 * follow later, after the body or a call to the object store. The credential may be revoked, expire
 * or be rotated in between, so it is checked again in the synchronous step of each decision.
 */
import { errorCodes, WsctlError } from "../../protocol/errors.ts";
import type { StoredToken } from "../journal/tables/tokenTable.ts";
import type { Authenticator } from "./authenticator.ts";
import { requestFingerprint } from "./credentialFingerprint.ts";
import type { HostUser } from "./hostUser.ts";

export interface AuthorityOptions {
  authenticator: Authenticator;
  /** The token as it was when the request was authenticated. */
  token: StoredToken;
  /** The secret of the console session, if the request has one. */
  login: string | undefined;
  /** The person that the surrounding program has authenticated, if the request has one. */
  hostUser?: HostUser | undefined;
  /** Client IP address. */
  address: string;
}

export class Authority {
  readonly #options: AuthorityOptions;

  constructor(options: AuthorityOptions) {
    this.#options = options;
  }

  /** Whether the credential is still valid. */
  get isValid(): boolean {
    const { authenticator, token, login, hostUser, address } = this.#options;
    return authenticator.isStillValid(token, { login, hostUser, address });
  }

  /** The credential that URLs of the response are signed for. */
  get fingerprint(): string {
    const { token, login } = this.#options;
    return requestFingerprint(token, login);
  }

  /** Whether the request has a console session, which can end before a long response does. */
  get isSession(): boolean {
    return this.#options.login !== undefined;
  }

  /** Whether the surrounding program vouches for this one request only. */
  get isForOneRequest(): boolean {
    return this.#options.hostUser !== undefined;
  }

  /** Whether the credential is still valid. A long response does not keep a session in use. */
  get isOpen(): boolean {
    const { authenticator, token, login, hostUser, address } = this.#options;
    return authenticator.isStillValid(token, { login, hostUser, address }, "peek");
  }

  /**
   * Call this in the same synchronous step as the decision that it guards.
   *
   * @throws {WsctlError} UNAUTHORIZED if the credential has ended since the request was
   *   authenticated
   */
  require(): void {
    if (!this.isValid) throw new WsctlError("UNAUTHORIZED", errorCodes.UNAUTHORIZED.meaning);
  }
}
