/**
 * An OpenID provider for tests, as a process of its own: `oidc-provider` on loopback, where whoever
 * is named by `login_hint` is logged in without being asked. `settings` as JSON is its one argument.
 */
import { createServer, type RequestListener } from "node:http";
import { createServer as createTlsServer } from "node:https";
import process from "node:process";
import Provider, { type Configuration } from "oidc-provider";
import type { ProviderSettings } from "./oidcProvider.ts";

const settings = JSON.parse(process.argv[2] ?? "{}") as ProviderSettings;
const { port, tls, clientId, clientSecret, redirectUris, groups, skewMs = 0 } = settings;
const { host = "127.0.0.1", account = "nobody" } = settings;
const issuer = `${tls === undefined ? "http" : "https"}://${host}:${port}`;

// A clock that is set wrong: what it signs is over before it arrives.
const { now } = Date;
Date.now = () => now() + skewMs;

const configuration: Configuration = {
  clients: [{ client_id: clientId, client_secret: clientSecret, redirect_uris: redirectUris }],
  claims: { openid: ["sub"], profile: ["preferred_username", "groups"] },
  conformIdTokenClaims: settings.userinfoOnly ?? true,
  features: { devInteractions: { enabled: false } },
  interactions: { url: (_ctx, { uid }) => `/interaction/${uid}` },
  findAccount: (_ctx, sub) => ({
    accountId: sub,
    claims: () => ({ sub, preferred_username: sub, groups: groups[sub] ?? [] }),
  }),
  async loadExistingGrant({ oidc }) {
    const { provider, client, session } = oidc;
    const known = { clientId: client?.clientId, accountId: session?.accountId };
    const grant = new provider.Grant(known as { clientId: string; accountId: string });
    grant.addOIDCScope("openid profile");
    await grant.save();
    return grant;
  },
};

const provider = new Provider(issuer, configuration);
const answer = provider.callback();
const listener: RequestListener = async (request, response) => {
  if (!request.url?.startsWith("/interaction/")) return answer(request, response);
  const { params } = await provider.interactionDetails(request, response);
  const hint = params.login_hint ?? account;
  const result =
    hint === "nobody"
      ? { error: "access_denied", error_description: "<script>alert(1)</script>" }
      : { login: { accountId: String(hint) } };
  await provider.interactionFinished(request, response, result);
};
const server = tls === undefined ? createServer(listener) : createTlsServer(tls, listener);
server.listen(port, "127.0.0.1", () => process.stdout.write(`ready at ${issuer}\n`));
