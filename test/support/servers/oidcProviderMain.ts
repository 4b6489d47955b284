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
const { host = "127.0.0.1", account = "nobody", deviceCodes, audience } = settings;
const issuer = `${tls === undefined ? "http" : "https"}://${host}:${port}`;

// A clock that is set wrong: what it signs is over before it arrives.
const { now } = Date;
Date.now = () => now() + skewMs;

const configuration: Configuration = {
  clients: [
    {
      client_id: clientId,
      client_secret: clientSecret,
      redirect_uris: redirectUris,
      grant_types: [
        "authorization_code",
        ...(deviceCodes === undefined || deviceCodes.isBarred
          ? []
          : ["urn:ietf:params:oauth:grant-type:device_code"]),
      ],
    },
  ],
  claims: { openid: ["sub"], profile: ["preferred_username", "groups"] },
  conformIdTokenClaims: settings.userinfoOnly ?? true,
  features: {
    devInteractions: { enabled: false },
    deviceFlow: { enabled: deviceCodes !== undefined },
  },
  ttl: { DeviceCode: deviceCodes?.seconds ?? 600 },
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
let slowDowns = settings.slowDowns ?? 0;
provider.use(async (ctx, next) => {
  if (ctx.path === "/token" && slowDowns > 0) {
    slowDowns--;
    ctx.status = 400;
    ctx.body = { error: "slow_down" };
    return;
  }
  await next();
  // Devices may ask every second, so that tests are not slow.
  if (ctx.path === "/device/auth" && ctx.status === 200) Object.assign(ctx.body, { interval: 1 });
});
if (audience !== undefined) {
  const { prototype } = provider.IdToken;
  const { issue } = prototype;
  prototype.issue = function (options) {
    this.client = Object.create(this.client, { clientId: { value: audience } });
    return issue.call(this, options);
  };
}
const answer = provider.callback();
const listener: RequestListener = async (request, response) => {
  if (!request.url?.startsWith("/interaction/")) return answer(request, response);
  const { params } = await provider.interactionDetails(request, response);
  // The request of a device names nobody, so the browser that confirms it does.
  const known = /(?:^|; )person=(\w+)/.exec(request.headers.cookie ?? "")?.[1];
  const hint = params.login_hint ?? known ?? account;
  const result =
    hint === "nobody"
      ? { error: "access_denied", error_description: "<script>alert(1)</script>" }
      : { login: { accountId: String(hint) } };
  await provider.interactionFinished(request, response, result);
};
const server = tls === undefined ? createServer(listener) : createTlsServer(tls, listener);
server.listen(port, "127.0.0.1", () => process.stdout.write(`ready at ${issuer}\n`));
