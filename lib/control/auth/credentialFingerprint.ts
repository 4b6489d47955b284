/**
 * Identifies the credential that a URL is signed for: the token's id and a digest that changes when
 * its secret is rotated. People without a token of their own are identified by their session, or by
 * the surrounding program. The URL stops working when its credential does.
 */
import type { StoredToken, TokenTable } from "../journal/tables/tokenTable.ts";
import { isInForce } from "./bearerTokens.ts";
import { formatHostTokenId, type HostUser, isHostTokenId } from "./hostUser.ts";
import { formatSessionId, isSessionId, type LoginSessions } from "./logins/loginSessions.ts";

const markBytes = 4;

export interface UrlCredentials {
  tokens: TokenTable;
  logins: LoginSessions;
  /** The person that the surrounding program identifies for the request that uses the URL. */
  hostUser?: HostUser | undefined;
}

export function credentialFingerprint({ tokenId, hash }: StoredToken): string {
  const mark =
    hash === undefined ? "key" : Buffer.from(hash.subarray(0, markBytes)).toString("hex");
  return `${tokenId}.${mark}`;
}

/**
 * Identifies the credential of a request.
 *
 * @param login The secret of the console session, if the request has one.
 */
export function requestFingerprint(token: StoredToken, login: string | undefined): string {
  const isPerson = token.hash === undefined && token.publicKey === undefined;
  if (!isPerson) return credentialFingerprint(token);
  return login === undefined ? token.tokenId : formatSessionId(login);
}

/** @param now Milliseconds since 1970. */
export function isCredentialValid(
  { tokens, logins, hostUser }: UrlCredentials,
  by: string,
  now: number,
): boolean {
  if (isHostTokenId(by)) return hostUser !== undefined && formatHostTokenId(hostUser) === by;
  if (isSessionId(by)) return logins.isOpen(by, now);
  const token = tokens.get(by.split(".")[0] ?? "");
  if (token === undefined || token.state !== "active" || !isInForce(token, now)) return false;
  return credentialFingerprint(token) === by;
}
