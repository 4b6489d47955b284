/**
 * Tokens: 256 random bits, shown once, stored as a hash. A token reads `wsctl-<id>-<secret>`: by
 * its id it is found, by its secret it is proved, compared in constant time.
 */
import { createHash, randomBytes, timingSafeEqual } from "node:crypto";
import type { Role, TokenOrder } from "../protocol/api.ts";
import type { ControlJournal, StoredToken } from "./journal.ts";

const idBytes = 6;
const secretBytes = 32;
const shape = /^wsctl-([0-9a-f]{12})-([0-9a-f]{64})$/;

/**
 * Compared with when there is no such token, so that a wrong id costs what a wrong secret costs.
 */
const nobody = hash("");

/** Makes and stores a token; the text is not kept and cannot be shown again. */
export function createToken(
  journal: ControlJournal,
  order: TokenOrder,
  createdBy: string,
  now: number,
): { text: string; token: StoredToken } {
  const tokenId = randomBytes(idBytes).toString("hex");
  const secret = randomBytes(secretBytes).toString("hex");
  const token: StoredToken = {
    tokenId,
    hash: hash(secret),
    role: order.role,
    ...("agent_id" in order ? { agentId: order.agent_id } : {}),
    createdAt: now,
    createdBy,
  };
  journal.addToken(token);
  return { text: `wsctl-${tokenId}-${secret}`, token };
}

/** The token behind an `Authorization` header, if it is a valid one that was not revoked. */
export function authenticate(
  journal: ControlJournal,
  authorization: string | undefined,
): StoredToken | undefined {
  const parts = shape.exec(bearer(authorization) ?? "");
  const token = parts?.[1] === undefined ? undefined : journal.token(parts[1]);
  const isEqual = timingSafeEqual(hash(parts?.[2] ?? ""), token?.hash ?? nobody);
  return isEqual && token !== undefined && token.revokedAt === undefined ? token : undefined;
}

/** Whether a token of this role may do what asks for that role; `any`: every valid token may. */
export function permits(role: Role, wanted: Role | "any"): boolean {
  return wanted === "any" || role === wanted || (role === "admin" && wanted === "operator");
}

function bearer(authorization: string | undefined): string | undefined {
  const [scheme, token, ...rest] = (authorization ?? "").split(" ");
  return scheme?.toLowerCase() === "bearer" && rest.length === 0 ? token : undefined;
}

function hash(secret: string): Uint8Array {
  return createHash("sha256").update(secret).digest();
}
