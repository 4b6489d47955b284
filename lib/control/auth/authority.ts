/**
 * The authority behind one request. A request is authenticated at its headers, but it is decided
 * later: its body arrives first, or a store is asked. Meanwhile its credential may be revoked,
 * expire or be rotated. So the credential is checked again in the synchronous step of each
 * decision.
 */
import { errorCodes, WsctlError } from "../../protocol/errors.ts";
import type { StoredToken } from "../journal/tables/tokenTable.ts";
import type { Authenticator } from "./authenticator.ts";

export interface AuthorityOptions {
  authenticator: Authenticator;
  /** The token as it was when the request was authenticated. */
  token: StoredToken;
  /** The secret of the console session that the request came with, if it came with one. */
  login: string | undefined;
  /** Client IP address. */
  address: string;
}

export class Authority {
  readonly #options: AuthorityOptions;

  constructor(options: AuthorityOptions) {
    this.#options = options;
  }

  /** Whether the credential is still accepted at this moment. */
  get isValid(): boolean {
    const { authenticator, token, login, address } = this.#options;
    return authenticator.isStillValid(token, { login, address });
  }

  /**
   * Call this in the same synchronous step as the decision that it is for.
   * @throws {WsctlError} UNAUTHORIZED when the credential has ended since it was authenticated
   */
  require(): void {
    if (!this.isValid) throw new WsctlError("UNAUTHORIZED", errorCodes.UNAUTHORIZED.meaning);
  }
}
