/**
 * Authenticates HTTP requests and WebSocket handshakes: the only place where credentials become a
 * token with a role. Too many failures from one address are rejected with `RATE_LIMITED`.
 */
import { AddressRanges } from "../../protocol/addressRange.ts";
import { errorCodes, WsctlError } from "../../protocol/errors.ts";
import { parsePublicKey } from "../../protocol/keys.ts";
import {
  isProofValid,
  type ProofPurpose,
  parseProof,
  proofScheme,
} from "../../protocol/wire/keyProof.ts";
import type { Clock } from "../../time/clock.ts";
import type { StoredToken, TokenTable } from "../journal/tables/tokenTable.ts";
import { authenticate, isInForce } from "./bearerTokens.ts";
import { credentialFingerprint } from "./credentialFingerprint.ts";
import { FailedAttempts, TooManyFailures } from "./failedAttempts.ts";
import { buildHostToken, type HostUser } from "./hostUser.ts";
import type { Login, LoginSessions } from "./logins/loginSessions.ts";
import { Nonces } from "./nonces.ts";
import { buildToken } from "./oidcUser.ts";

export interface Credentials {
  authorization: string | undefined;
  /** The secret of a console session. It is ignored if the request has an Authorization header. */
  login?: string | undefined;
  /** A person that the surrounding program has authenticated for this one request. */
  hostUser?: HostUser | undefined;
  /** Client IP address. */
  address: string;
  purpose: ProofPurpose;
}

/** Whether looking for a session counts as its use, and so delays its end. */
export type LoginUse = "use" | "peek";

export interface AccessOptions {
  tokens: TokenTable;
  controlId: string;
  logins: LoginSessions;
  clock: Clock;
}

export class Authenticator {
  readonly nonces = new Nonces();
  readonly failures = new FailedAttempts();
  readonly #tokens: TokenTable;
  readonly #controlId: string;
  readonly #logins: LoginSessions;
  readonly #clock: Clock;

  constructor({ tokens, controlId, logins: sessions, clock }: AccessOptions) {
    this.#tokens = tokens;
    this.#controlId = controlId;
    this.#logins = sessions;
    this.#clock = clock;
  }

  get controlId(): string {
    return this.#controlId;
  }

  /**
   * Returns the valid token that the credentials prove.
   *
   * @throws {WsctlError} UNAUTHORIZED or RATE_LIMITED
   */
  identify(credentials: Credentials): StoredToken {
    const { authorization, login, hostUser, address, purpose } = credentials;
    if (authorization === undefined && hostUser !== undefined) {
      return buildHostToken(hostUser, this.#clock.wall());
    }
    const token =
      authorization === undefined && login !== undefined
        ? this.findLogin(login, address)?.token
        : authorization?.startsWith(`${proofScheme} `)
          ? this.#checkProof(authorization, purpose)
          : authenticate(this.#tokens, authorization, this.#clock.wall());
    if (token !== undefined && isAllowedFrom(token, address)) return token;
    this.fail(address);
  }

  /**
   * Whether a credential that `identify` accepted is still valid: it was not revoked or rotated,
   * has not expired, and keeps its state, role and allowed addresses.
   */
  isStillValid(
    token: StoredToken,
    { login, hostUser, address }: Pick<Credentials, "login" | "hostUser" | "address">,
    how: LoginUse = "use",
  ): boolean {
    if (hostUser !== undefined) return true;
    if (login !== undefined) {
      return this.findLogin(login, address, how)?.token.tokenId === token.tokenId;
    }
    const current = this.#tokens.get(token.tokenId);
    return (
      current !== undefined &&
      isInForce(current, this.#clock.wall()) &&
      isSameCredential(current, token) &&
      isAllowedFrom(current, address)
    );
  }

  /**
   * Counts a failed attempt of this address.
   *
   * @throws {WsctlError} UNAUTHORIZED or RATE_LIMITED
   */
  fail(address: string): never {
    const retrySeconds = this.failures.failed(address, this.#clock.now());
    if (retrySeconds === undefined) {
      throw new WsctlError("UNAUTHORIZED", errorCodes.UNAUTHORIZED.meaning);
    }
    throw new TooManyFailures(retrySeconds);
  }

  /** Returns the token of a console session while that token would still be accepted. */
  findLogin(
    secret: string,
    address: string,
    how: LoginUse = "use",
  ): { token: StoredToken; login: Login } | undefined {
    const now = this.#clock.wall();
    const login = this.#logins[how](secret, now);
    if (login === undefined) return undefined;
    const { holder } = login;
    if (holder.kind === "person") return { token: buildToken(holder.person, now), login };
    const token = this.#tokens.get(holder.tokenId);
    if (
      token !== undefined &&
      isInForce(token, now) &&
      credentialFingerprint(token) === holder.mark
    ) {
      return isAllowedFrom(token, address) ? { token, login } : undefined;
    }
    this.#logins.end(secret);
    return undefined;
  }

  #checkProof(authorization: string, purpose: ProofPurpose): StoredToken | undefined {
    const proof = parseProof(authorization);
    if (proof === undefined || !this.nonces.isGood(proof.nonce, this.#clock.now()))
      return undefined;
    const { key: keyId, nonce, counter, signature } = proof;
    const token = this.#tokens.get(keyId);
    if (token?.publicKey === undefined || !isInForce(token, this.#clock.wall())) return undefined;
    const subject = { controlId: this.#controlId, purpose, keyId, nonce, counter };
    if (!isProofValid(parsePublicKey(token.publicKey), subject, signature)) return undefined;
    this.nonces.use(nonce, this.#clock.now());
    return token;
  }
}

/** Parses the counter of a key proof that `identify` accepted; undefined if it has none. */
export function parseCounter(authorization: string | undefined): number | undefined {
  return parseProof(authorization ?? "")?.counter;
}

function isSameCredential(one: StoredToken, other: StoredToken): boolean {
  if (one.state !== other.state || one.role !== other.role) return false;
  const [hash, otherHash] = [one.hash, other.hash];
  if (hash === undefined || otherHash === undefined) return one.publicKey === other.publicKey;
  return Buffer.compare(hash, otherHash) === 0;
}

function isAllowedFrom({ addresses }: StoredToken, address: string): boolean {
  return addresses === undefined || new AddressRanges(addresses).has(address);
}
