/** How people log in at an OpenID provider. */
import type { RoleGrants } from "../../auth/oidcUser.ts";

export interface OidcSettings {
  /** As the provider calls itself: `https:`, or `http:` on this host alone. */
  issuer: string;
  clientId: string;
  /** Absent for a public client, which PKCE alone protects. */
  clientSecret?: string;
  /** PEM text of the authority that vouches for the provider, instead of the system's. */
  ca?: string;
  /** With spaces between; `openid` among them. */
  scope: string;
  /** The claim that roles are granted by. */
  roleClaim: string;
  grants: RoleGrants;
}
