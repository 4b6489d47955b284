/**
 * Bearer tokens: 256 random bits, shown once, stored as a hash. A token reads `wsctl-<id>-<secret>`:
 * by its id it is found, by its secret it is proved, compared in constant time.
 */
import { createHash, randomBytes, timingSafeEqual } from "node:crypto";
import type { TokenRequest } from "../../protocol/api/tokens.ts";
import type { StoredToken, TokenTable } from "../journal/tables/tokenTable.ts";

const idBytes = 6;
const secretBytes = 32;
const shape = /^wsctl-([0-9a-f]{12})-([0-9a-f]{64})$/;

/**
 * Compared with when there is no such token, so that a wrong id costs what a wrong secret costs.
 */
const nobody = hash("");

export interface NewSecret {
  text: string;
  token: StoredToken;
}

/** Makes and stores a token; the text is not kept and cannot be shown again. */
export function createToken(
  records: TokenTable,
  order: TokenRequest,
  createdBy: string,
  now: number,
): NewSecret {
  const tokenId = newTokenId();
  const secret = newSecret();
  const { role, addresses, expires_in_seconds: seconds } = order;
  const token: StoredToken = {
    tokenId,
    role,
    hash: hash(secret),
    state: "active",
    ...(addresses === undefined ? {} : { addresses }),
    ...(seconds === undefined ? {} : { expiresAt: now + seconds * 1000 }),
    ...buildTerms(order),
    createdAt: now,
    createdBy,
  };
  records.add(token);
  return { text: formatToken(tokenId, secret), token };
}

/** Another secret in the place of the one that a token has; the old one is void at once. */
export function rotateSecret(records: TokenTable, tokenId: string): string {
  const secret = newSecret();
  records.replaceHash(tokenId, hash(secret));
  return formatToken(tokenId, secret);
}

/** The token behind an `Authorization` header, if it is a valid one that is still in force. */
export function authenticate(
  records: TokenTable,
  authorization: string | undefined,
  now: number,
): StoredToken | undefined {
  const parts = shape.exec(bearer(authorization) ?? "");
  const token = parts?.[1] === undefined ? undefined : records.get(parts[1]);
  const isEqual = timingSafeEqual(hash(parts?.[2] ?? ""), token?.hash ?? nobody);
  return isEqual && token?.hash !== undefined && isInForce(token, now) ? token : undefined;
}

export function isInForce(token: StoredToken, now: number): boolean {
  const isOver = token.expiresAt !== undefined && token.expiresAt <= now;
  return token.revokedAt === undefined && !isOver && token.usesLeft !== 0;
}

export function newTokenId(): string {
  return randomBytes(idBytes).toString("hex");
}

function buildTerms(order: TokenRequest): Partial<StoredToken> {
  switch (order.role) {
    case "admin":
      return {};
    case "agent":
      return {
        agentId: order.agent_id,
        ...(order.labels === undefined ? {} : { labels: order.labels }),
      };
    case "join":
      return {
        usesLeft: order.uses,
        ...(order.agent_id === undefined ? {} : { agentId: order.agent_id }),
        ...(order.labels === undefined ? {} : { labels: order.labels }),
      };
    default:
      return {
        ...(order.commands === undefined ? {} : { commands: order.commands }),
        ...(order.target === undefined ? {} : { target: order.target }),
      };
  }
}

function bearer(authorization: string | undefined): string | undefined {
  const [scheme, token, ...rest] = (authorization ?? "").split(" ");
  return scheme?.toLowerCase() === "bearer" && rest.length === 0 ? token : undefined;
}

function newSecret(): string {
  return randomBytes(secretBytes).toString("hex");
}

function formatToken(tokenId: string, secret: string): string {
  return `wsctl-${tokenId}-${secret}`;
}

function hash(secret: string): Uint8Array {
  return createHash("sha256").update(secret).digest();
}
