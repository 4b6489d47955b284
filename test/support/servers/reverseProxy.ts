/**
 * Real reverse proxies in front of a control plane, configured as the guide shows: only the ports,
 * the name and the files of the certificate are replaced.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { closedPort } from "../processes/cli.ts";
import { Running } from "../processes/processes.ts";
import type { TestCertificate } from "./testCa.ts";

export type ProxyName = "nginx" | "haproxy" | "caddy";
export const proxyNames: readonly ProxyName[] = ["nginx", "haproxy", "caddy"];

/** The proxies that are missing here: `scripts/test.ts` installs them where it can. */
export const missingProxies = proxyNames.filter((name) => Bun.which(name) === null);

const guide = new URL("../../../docs/guides/reverse-proxies.md", import.meta.url).pathname;

export interface ReverseProxy extends AsyncDisposable {
  /** The public URL, with its path. */
  url: string;
  process: Running;
}

export interface ReverseProxyOptions {
  name: ProxyName | "haproxy-tcp";
  /** The port at which the proxy listens: it is part of the public URL, which comes first. */
  port: number;
  /** The port of the control plane. */
  upstream: number;
  certificate: TestCertificate;
  /** A directory for the files of the proxy. */
  dir: string;
  /** Changes the configuration of the guide. */
  change?: (text: string) => string;
}

/** A free port for a proxy, and the public URL there. */
export async function planProxy(): Promise<{ port: number; url: string }> {
  const port = await closedPort();
  return { port, url: `https://localhost:${port}/wsctl` };
}

/** A proxy that answers. */
export async function startProxy(options: ReverseProxyOptions): Promise<ReverseProxy> {
  const { name, port, upstream, certificate, dir, change = (text) => text } = options;
  const [, block = ""] =
    new RegExp(`^\`\`\`${name}\n(.*?)^\`\`\`$`, "ms").exec(readFileSync(guide, "utf8")) ?? [];
  if (block === "") throw new Error(`the guide shows no configuration of ${name}`);
  const text = change(block)
    .replaceAll("127.0.0.1:7420", `127.0.0.1:${upstream}`)
    .replaceAll("/etc/ssl/ops.example.com.both.pem", certificate.both)
    .replaceAll("/etc/ssl/ops.example.com.pem", certificate.cert)
    .replaceAll("/etc/ssl/ops.example.com.key", certificate.key);
  const file = join(dir, `${name}.conf`);
  writeFileSync(file, whole[name](text, options));
  const process = new Running(commands[name](file), { cwd: dir, env: { HOME: dir } });
  // Not killed: that would leave the workers.
  const stop = async () => void (await process.stop());
  try {
    await process.logged(ready[name]);
  } catch (error) {
    await stop();
    throw error;
  }
  return { url: `https://localhost:${port}/wsctl`, process, [Symbol.asyncDispose]: stop };
}

type BlockName = ReverseProxyOptions["name"];

const haproxy = (file: string) => ["haproxy", "-W", "-db", "-f", file];

const commands: Record<BlockName, (file: string) => string[]> = {
  nginx: (file) => ["nginx", "-e", "stderr", "-c", file],
  haproxy,
  "haproxy-tcp": haproxy,
  caddy: (file) => ["caddy", "run", "--adapter", "caddyfile", "--config", file],
};

/** What each logs once it listens. */
const ready: Record<BlockName, RegExp> = {
  nginx: /start worker process \d+/,
  haproxy: /Loading success/,
  "haproxy-tcp": /Loading success/,
  caddy: /serving initial configuration/,
};

/** What belongs around the block of the guide. */
const whole: Record<BlockName, (text: string, options: ReverseProxyOptions) => string> = {
  nginx(text, { port, dir }) {
    const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
      .map((kind) => `${kind}_temp_path ${dir}/${kind};`)
      .join("\n");
    const user = process.getuid?.() === 0 ? "user root;" : "";
    const server = text
      .replace("listen 443 ssl", `listen 127.0.0.1:${port} ssl`)
      .replace("ops.example.com", "localhost");
    const own = `daemon off; worker_processes 1; pid ${dir}/nginx.pid; error_log stderr notice;`;
    return `${user}${own}\nevents {}\nhttp {\naccess_log off;\n${temporary}\n${server}}\n`;
  },
  haproxy: bindLoopback,
  "haproxy-tcp": bindLoopback,
  caddy(text, { port, certificate: { cert, key } }) {
    const site = text.replace(
      "ops.example.com {",
      `https://localhost:${port} {\n  bind 127.0.0.1\n  tls ${cert} ${key}`,
    );
    return `{\n  admin off\n  auto_https off\n}\n${site}`;
  },
};

function bindLoopback(text: string, { port }: ReverseProxyOptions): string {
  return text.replace("bind :443", `bind 127.0.0.1:${port}`);
}
