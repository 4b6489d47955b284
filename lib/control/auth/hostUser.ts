/** People that are authenticated by the program of which a control plane is a part. */
import type { StoredToken } from "../journal/tables/tokenTable.ts";
import { type UserRole, userRoles } from "./oidcUser.ts";

export interface HostUser {
  /** Names the person in jobs and in the audit trail, as `host#ID`. */
  id: string;
  role: UserRole;
}

/**
 * Identifies the person behind a request without an `Authorization` header; undefined if there is
 * none. It must defend its own sessions against requests of other sites.
 */
export type HostAuthentication = (
  request: Request,
) => HostUser | undefined | Promise<HostUser | undefined>;

const idStart = "host#";

export function formatHostTokenId({ id }: HostUser): string {
  return idStart + id;
}

export function isHostTokenId(text: string): boolean {
  return text.startsWith(idStart);
}

/** Builds a token for the person, without a secret, a key or restrictions. */
export function buildHostToken(user: HostUser, now: number): StoredToken {
  const { role } = user;
  if (!userRoles.includes(role)) throw new Error(`unknown role "${role}" of the host's user`);
  return {
    tokenId: formatHostTokenId(user),
    role,
    state: "active",
    createdAt: now,
    createdBy: "host",
  };
}
