/** Who acts, in the words of the audit trail. */
import type { AuditDetails } from "../../protocol/api/audit.ts";
import type { StoredToken } from "../journal/tables/tokenTable.ts";

/** Returns who acts with a token, as the audit trail names it. */
export function describeActor({
  tokenId,
  name,
  role,
}: Pick<StoredToken, "tokenId" | "name" | "role">): Pick<
  AuditDetails,
  "actor" | "actor_name" | "role"
> {
  return { actor: tokenId, ...(name === undefined ? {} : { actor_name: name }), role };
}
