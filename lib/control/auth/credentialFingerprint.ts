/**
 * Identifies the credential that a URL is signed for: the token's id and a digest that changes when
 * its secret is rotated. The URL stops working when either changes.
 */
import type { StoredToken, TokenTable } from "../journal/tables/tokenTable.ts";
import { isInForce } from "./bearerTokens.ts";

const markBytes = 4;

export function credentialFingerprint({ tokenId, hash }: StoredToken): string {
  const mark =
    hash === undefined ? "key" : Buffer.from(hash.subarray(0, markBytes)).toString("hex");
  return `${tokenId}.${mark}`;
}

export function isCredentialValid(tokens: TokenTable, by: string, now: number): boolean {
  const token = tokens.get(by.split(".")[0] ?? "");
  if (token === undefined || token.state !== "active" || !isInForce(token, now)) return false;
  return credentialFingerprint(token) === by;
}
