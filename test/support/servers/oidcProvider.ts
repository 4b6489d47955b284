/** Starts the OpenID provider of the tests; see `oidcProviderMain.ts`. */
import { join } from "node:path";
import { closedPort } from "../processes/cli.ts";
import { Running } from "../processes/processes.ts";

export interface ProviderSettings {
  port: number;
  /** PEM texts; without them it speaks plain HTTP. */
  tls?: { cert: string; key: string };
  clientId: string;
  clientSecret: string;
  redirectUris: string[];
  /** Another name of this host, so that browsers take it for another site. */
  host?: string;
  /** Who is logged in where nobody is named. */
  account?: string;
  /** Who is in which groups. */
  groups: Record<string, string[]>;
  /** Whether the groups are told at the userinfo endpoint alone, as by default, or in the token. */
  userinfoOnly?: boolean;
  /** How long codes of devices are good (RFC 8628), and whether this client may have none. */
  deviceCodes?: { seconds: number; isBarred?: boolean };
  /** How many polls of a device it answers with `slow_down` first. */
  slowDowns?: number;
  /** Whom its ID tokens are for, in place of the client. */
  audience?: string;
  /** How far its clock is from ours. */
  skewMs?: number;
}

export const clientId = "wsctl-tests";
export const clientSecret = "a secret of the tests / with + odd & characters";

const main = new URL("oidcProviderMain.ts", import.meta.url).pathname;
const bun = join(new URL("../../..", import.meta.url).pathname, "node_modules", ".bin", "bun");

export interface RunningProvider extends AsyncDisposable {
  issuer: string;
  port: number;
  process: Running;
}

export async function startProvider(
  settings: Pick<ProviderSettings, "redirectUris" | "groups"> & Partial<ProviderSettings>,
): Promise<RunningProvider> {
  const port = settings.port ?? (await closedPort());
  const all = JSON.stringify({ clientId, clientSecret, ...settings, port });
  const process = new Running([bun, "run", main, all]);
  const [, issuer = ""] = await process.logged(/^ready at (\S+)$/);
  return { issuer, port, process, [Symbol.asyncDispose]: () => process[Symbol.asyncDispose]() };
}
