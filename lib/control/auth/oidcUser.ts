/** A person as an OpenID provider vouches for them, and what this control plane makes of that. */
import type { StoredToken } from "../journal/tables/tokenTable.ts";

/** What a person may be, the most powerful first. */
export const userRoles = ["admin", "operator", "viewer"] as const;
export type UserRole = (typeof userRoles)[number];

/** Which value of the claim gives which role. */
export type RoleGrants = ReadonlyMap<string, UserRole>;

export interface OidcUser {
  /** `ISSUER#SUBJECT`: who it was, in the audit trail too. */
  id: string;
  issuer: string;
  subject: string;
  /** What the provider calls them; nothing hangs on it. */
  name: string;
  role: UserRole;
}

/** The most powerful role that the values give; undefined where none of them gives any. */
export function findRole(values: readonly string[], grants: RoleGrants): UserRole | undefined {
  return userRoles.find((role) => values.some((value) => grants.get(value) === role));
}

/**
 * The texts that a claim has: one, or a list. A claim is named as it is, or by its way into
 * objects: `realm_access.roles`.
 */
export function claimValues(claims: Readonly<Record<string, unknown>>, name: string): string[] {
  const found = Object.hasOwn(claims, name) ? claims[name] : inside(claims, name.split("."));
  const values = Array.isArray(found) ? found : [found];
  return values.filter((value) => typeof value === "string");
}

function inside(value: unknown, access: readonly string[]): unknown {
  const [name, ...rest] = access;
  if (name === undefined) return value;
  if (typeof value !== "object" || value === null || !Object.hasOwn(value, name)) return undefined;
  return inside((value as Record<string, unknown>)[name], rest);
}

/** A person in the place of a token: neither a secret nor a key goes with it, and no narrower terms. */
export function buildToken({ id, role, issuer }: OidcUser, now: number): StoredToken {
  return { tokenId: id, role, state: "active", createdAt: now, createdBy: issuer };
}
