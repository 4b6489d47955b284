/** A user that an OpenID provider authenticated, and the role that the claims grant. */
import type { StoredToken } from "../journal/tables/tokenTable.ts";

/** The roles of users, most powerful first. */
export const userRoles = ["admin", "operator", "viewer"] as const;
export type UserRole = (typeof userRoles)[number];

/** Maps a value of the claim to a role. */
export type RoleGrants = ReadonlyMap<string, UserRole>;

export interface OidcUser {
  /** `ISSUER#SUBJECT`, also shown in the audit trail. */
  id: string;
  issuer: string;
  subject: string;
  /** The display name from the provider. No decision depends on it. */
  name: string;
  role: UserRole;
}

/** Returns the most powerful role that the values grant, or undefined if they grant none. */
export function findRole(values: readonly string[], grants: RoleGrants): UserRole | undefined {
  return userRoles.find((role) => values.some((value) => grants.get(value) === role));
}

/**
 * Returns the values of a claim, which is a string or a list. The name is literal, or a path into
 * objects such as `realm_access.roles`.
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

/**
 * Returns who acts with a token: the person, who may log in at the console and several times by the
 * command line, or the token itself.
 */
export function findActor({ tokenId, person }: Pick<StoredToken, "tokenId" | "person">): string {
  return person ?? tokenId;
}

/** Builds a token for the user, without a secret, a key or restrictions. */
export function buildToken({ id, name, role, issuer }: OidcUser, now: number): StoredToken {
  return { tokenId: id, name, role, state: "active", createdAt: now, createdBy: issuer };
}
