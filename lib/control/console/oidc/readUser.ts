/** Reads the user and the role from the verified response of the provider's token endpoint. */
import type { IDToken, TokenEndpointResponse, TokenEndpointResponseHelpers } from "openid-client";
import { claimValues, findRole, type OidcUser } from "../../auth/oidcUser.ts";
import { LoginError } from "../loginError.ts";
import type { DiscoveredProvider } from "./oidcProvider.ts";
import type { OidcSettings } from "./settings.ts";

type Claims = Readonly<Record<string, unknown>> & IDToken;

const subjectCharsMax = 255;
const nameCharsMax = 128;

/**
 * Throws `LoginError` for a user without a role, and errors of the library.
 *
 * @param answer The library has verified signature, issuer, audience and expiry of its ID token.
 */
export async function readUser(
  found: DiscoveredProvider,
  answer: TokenEndpointResponse & TokenEndpointResponseHelpers,
  settings: OidcSettings,
): Promise<OidcUser> {
  const verified = answer.claims();
  // The response to a device code may lack it, because plain OAuth 2.0 has none.
  if (verified === undefined) throw new LoginError("invalid", "the response has no ID token");
  const claims = await withUserInfo(found, answer.access_token, verified, settings.roleClaim);
  return buildUser(claims, settings);
}

/** Many providers return groups only from the userinfo endpoint. */
async function withUserInfo(
  { lib, configuration }: DiscoveredProvider,
  accessToken: string,
  claims: Claims,
  roleClaim: string,
): Promise<Claims> {
  const isThere = claimValues(claims, roleClaim).length > 0;
  if (isThere || configuration.serverMetadata().userinfo_endpoint === undefined) return claims;
  const told = await lib.fetchUserInfo(configuration, accessToken, claims.sub);
  return { ...told, ...claims };
}

function buildUser(claims: Claims, { roleClaim, grants }: OidcSettings): OidcUser {
  const { iss: issuer, sub: subject } = claims;
  if (subject.length > subjectCharsMax) {
    throw new LoginError("invalid", `subject is over ${subjectCharsMax} characters`);
  }
  const who = { issuer, subject };
  const role = findRole(claimValues(claims, roleClaim), grants);
  if (role === undefined) {
    throw new LoginError("unmapped", `no value of "${roleClaim}" grants a role`, { subject: who });
  }
  const called = [claims.preferred_username, claims.email, claims.name];
  const name = called.find((value) => typeof value === "string") ?? subject;
  return { ...who, id: `${issuer}#${subject}`, name: name.slice(0, nameCharsMax), role };
}
