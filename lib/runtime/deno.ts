/** Deno. Imported only by `load.ts`, and only under Deno. */
import type { HttpProxy } from "../network/proxyRules.ts";
import { systemBundle, type Trust } from "../network/trust.ts";
import { reap, reexec, self, spawnPiped, tryLock } from "./denoProcess.ts";
import { requestWithNode } from "./node/request.ts";
import { connectWith, nodeParts } from "./nodeParts.ts";
import { outgoingFetch } from "./outgoing.ts";
import type { Runtime } from "./runtime.ts";

/** The part of the Deno namespace that is used. */
interface DenoNamespace {
  createHttpClient(options: { caCerts?: string[]; proxy?: object }): unknown;
}
// The project's types are those of Bun and Node.js; only this part of Deno's namespace is used.
const deno = (globalThis as unknown as { Deno: DenoNamespace }).Deno;

/** A client of Deno has one proxy and reads the proxy variables when it is created. */
function fetchWith(trust: Trust): typeof fetch {
  const clients = new Map<string, unknown>();
  return outgoingFetch((input, init, proxy) => {
    const url = new URL(input instanceof Request ? input.url : input);
    const hasLength = new Headers(init?.headers).has("content-length");
    if (trust.serverName !== undefined || (init?.body instanceof ReadableStream && hasLength))
      return requestWithNode(url, init ?? {}, trust, proxy);
    const key = JSON.stringify(proxy ?? null);
    const client = clients.get(key) ?? createClient(trust, proxy);
    clients.set(key, client);
    return fetch(input, { ...init, client } as RequestInit);
  });
}

function createClient({ ca = systemBundle() }: Trust, proxy: HttpProxy | undefined): unknown {
  const { url, credentials: basicAuth } = proxy ?? {};
  const through = { url, ...(basicAuth === undefined ? {} : { basicAuth }) };
  return deno.createHttpClient({
    ...(ca === undefined ? {} : { caCerts: [ca] }),
    ...(proxy === undefined ? {} : { proxy: through }),
  });
}

export const runtime: Runtime = {
  ...nodeParts,
  connect: connectWith(fetchWith),
  fetchWith,
  spawnPiped,
  reap,
  self,
  program: () => undefined,
  tryLock,
  reexec,
};
