/**
 * Bearer tokens (RFC 6750): 256 random bits that are shown once and stored as a hash. A token has
 * the form `wsctl-<id>-<secret>`. The id finds the record; the secret is compared in constant time.
 */
import { createHash, randomBytes, timingSafeEqual } from "node:crypto";
import * as v from "valibot";
import type { TokenRequest } from "../../protocol/api/tokens.ts";
import { OperatorName } from "../../protocol/names.ts";
import type { StoredToken, TokenTable } from "../journal/tables/tokenTable.ts";
import type { OidcUser } from "./oidcUser.ts";

const idBytes = 6;
const secretBytes = 32;
const shape = /^wsctl-([0-9a-f]{12})-([0-9a-f]{64})$/;

/** Compared if no token has this id, so that an unknown id takes as long as a wrong secret. */
const noToken = hash("");

export interface NewSecret {
  text: string;
  token: StoredToken;
}

/** Creates and stores a token. The returned text is not stored and cannot be shown again. */
export function createToken(
  records: TokenTable,
  request: TokenRequest,
  createdBy: string,
  now: number,
): NewSecret {
  const made = newToken(request, createdBy, now);
  records.add(made.token);
  return made;
}

/** Creates the text of a token that is stored later, with `storeToken`. */
export function newTokenText(): string {
  return formatToken(newTokenId(), newSecret());
}

/** Stores the token of a text that was made before, unless it is there. */
export function storeToken(
  records: TokenTable,
  text: string,
  request: TokenRequest,
  createdBy: string,
  now: number,
): void {
  const [, tokenId = "", secret = ""] = shape.exec(text) ?? [];
  if (records.get(tokenId) !== undefined) return;
  records.add({ ...newToken(request, createdBy, now).token, tokenId, hash: hash(secret) });
}

/**
 * Spends a login token and stores the token that it is exchanged for.
 * @returns undefined if the login token has no use left
 */
export function exchangeLogin(
  records: TokenTable,
  login: StoredToken,
  now: number,
): NewSecret | undefined {
  if (login.login === undefined) return undefined;
  const made = newToken(login.login, login.createdBy, now);
  return records.join(login.tokenId, made.token, []) ? made : undefined;
}

/**
 * Creates and stores a token for a user of an OpenID provider.
 *
 * @param lifetimeMs Milliseconds.
 * @param now Milliseconds since 1970.
 */
export function createPersonToken(
  records: TokenTable,
  user: OidcUser,
  lifetimeMs: number,
  now: number,
): NewSecret {
  const named = v.is(OperatorName, user.name) ? { name: user.name } : {};
  const request = { role: user.role, ...named, expires_in_seconds: lifetimeMs / 1000 };
  const made = newToken(request, user.id, now);
  made.token.person = user.id;
  records.add(made.token);
  return made;
}

function newToken(request: TokenRequest, createdBy: string, now: number): NewSecret {
  const tokenId = newTokenId();
  const secret = newSecret();
  const { role, addresses, expires_in_seconds: seconds } = request;
  const token: StoredToken = {
    tokenId,
    role,
    hash: hash(secret),
    state: "active",
    ...(addresses === undefined ? {} : { addresses }),
    ...(seconds === undefined ? {} : { expiresAt: now + seconds * 1000 }),
    ...("name" in request && request.name !== undefined ? { name: request.name } : {}),
    ...buildTerms(request),
    createdAt: now,
    createdBy,
  };
  return { text: formatToken(tokenId, secret), token };
}

/**
 * Replaces the secret of a token and returns the new text. The old secret stops working
 * immediately.
 */
export function rotateSecret(records: TokenTable, tokenId: string): string {
  const secret = newSecret();
  records.replaceHash(tokenId, hash(secret));
  return formatToken(tokenId, secret);
}

/** Returns the valid token in an `Authorization` header, or undefined. */
export function authenticate(
  records: TokenTable,
  authorization: string | undefined,
  now: number,
): StoredToken | undefined {
  const parts = shape.exec(bearer(authorization) ?? "");
  const token = parts?.[1] === undefined ? undefined : records.get(parts[1]);
  const isEqual = timingSafeEqual(hash(parts?.[2] ?? ""), token?.hash ?? noToken);
  return isEqual && token?.hash !== undefined && isInForce(token, now) ? token : undefined;
}

export function isInForce(token: StoredToken, now: number): boolean {
  const isOver = token.expiresAt !== undefined && token.expiresAt <= now;
  return token.revokedAt === undefined && !isOver && token.usesLeft !== 0;
}

function newTokenId(): string {
  return randomBytes(idBytes).toString("hex");
}

function buildTerms(request: TokenRequest): Partial<StoredToken> {
  switch (request.role) {
    case "admin":
    case "metrics":
      return {};
    case "trigger":
      return { template: request.template };
    case "login":
      return { usesLeft: 1, login: request.token };
    case "agent":
      return {
        agentId: request.agent_id,
        ...(request.labels === undefined ? {} : { labels: request.labels }),
      };
    case "join":
      return {
        usesLeft: request.uses,
        ...(request.agent_id === undefined ? {} : { agentId: request.agent_id }),
        ...(request.labels === undefined ? {} : { labels: request.labels }),
      };
    default:
      return {
        ...(request.commands === undefined ? {} : { commands: request.commands }),
        ...(request.target === undefined ? {} : { target: request.target }),
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
