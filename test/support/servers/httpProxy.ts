/**
 * A real HTTP proxy, tinyproxy, which alone knows a name: hosts beside it reach that name through
 * it, or not at all. The name is in a file of hosts that only its mount namespace sees.
 */
import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { closedPort } from "../processes/cli.ts";
import { Running } from "../processes/processes.ts";

/** The name that only the proxy knows; it is this host. */
export const hiddenName = "cp.internal.example";

/** Why there is no such proxy here. */
export const proxyMissing =
  Bun.which("tinyproxy") === null
    ? "tinyproxy is missing"
    : spawnSync("unshare", ["-m", "true"]).status === 0
      ? undefined
      : "mount namespaces need root";

export interface HttpProxyServer extends AsyncDisposable {
  port: number;
  process: Running;
}

export async function startHttpProxy(
  dir: string,
  credentials?: { username: string; password: string },
): Promise<HttpProxyServer> {
  const port = await closedPort();
  const [hosts, config] = [join(dir, "etc-hosts"), join(dir, `tinyproxy-${port}.conf`)];
  writeFileSync(hosts, `${readFileSync("/etc/hosts", "utf8")}\n127.0.0.1 ${hiddenName}\n`);
  const basic = credentials && `BasicAuth ${credentials.username} ${credentials.password}`;
  const lines = [`Port ${port}`, "Listen 127.0.0.1", "Timeout 600", "LogLevel Info", basic ?? ""];
  writeFileSync(config, `${lines.join("\n")}\n`);
  const inside = 'mount --bind "$0" /etc/hosts; exec tinyproxy -d -c "$1"';
  const process = new Running(["unshare", "-m", "bash", "-c", inside, hosts, config]);
  await process.logged(/Accepting connections/);
  return { port, process, [Symbol.asyncDispose]: () => process[Symbol.asyncDispose]() };
}
