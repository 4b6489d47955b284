/** The settings of logins at an OpenID provider. */
import type { RoleGrants } from "../../auth/oidcUser.ts";

export interface OidcSettings {
  /** The issuer identifier: `https:`, or `http:` on loopback only. */
  issuer: string;
  clientId: string;
  /** Absent for a public client, which only PKCE protects. */
  clientSecret?: string;
  /** PEM text of the CA of the provider, in place of the system's CAs. */
  ca?: string;
  /** Separated by spaces; includes `openid`. */
  scope: string;
  /** The claim whose values grant roles. */
  roleClaim: string;
  grants: RoleGrants;
  /** The lifetime of tokens that the command line gets, in milliseconds. */
  tokenLifetimeMs: number;
}
