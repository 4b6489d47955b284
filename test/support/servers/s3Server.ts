/**
 * A real S3-compatible object storage for tests: OpenStack Swift with its S3 interface, from
 * Debian's python3-swift, as four processes on loopback. It checks every signature, pre-signed ones
 * and their expiry too, and refuses headers that were not signed.
 */
import { spawnSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { userInfo } from "node:os";
import { join } from "node:path";
import { AwsClient } from "aws4fetch";
import { Running, temporaryDir } from "../processes/processes.ts";

const script = new URL("s3Server.py", import.meta.url).pathname;
const python = "/usr/bin/python3";
const servers = ["account", "container", "object", "proxy"] as const;

export interface S3Server extends AsyncDisposable {
  /** `http://127.0.0.1:PORT/BUCKET`. */
  url: string;
  credentials: { AWS_ACCESS_KEY_ID: string; AWS_SECRET_ACCESS_KEY: string };
  /** The keys that are in the bucket. */
  keys(): Promise<string[]>;
  /** Ends the part that clients talk to, as an outage would; and brings it back. */
  stop(): Promise<void>;
  start(): Promise<void>;
}

const accessKey = "test:tester";
const secretKey = "a-secret-of-the-tests";
const bucket = "artifacts";

/** Whether the machine has it: `scripts/test.ts` installs it where it can. */
export function hasS3Server(): boolean {
  return spawnSync("/usr/bin/env", ["-i", python, "-c", "import swift"]).status === 0;
}

export async function startS3Server(): Promise<S3Server> {
  const dir = temporaryDir();
  mkdirSync(join(dir, "disks", "disk"), { recursive: true });
  const [account = 0, container = 0, object = 0, proxy = 0] = await freePorts(servers.length);
  const ports = { account, container, object, proxy };
  writeFileSync(join(dir, "swift.conf"), "[swift-hash]\nswift_hash_path_suffix = tests\n");
  for (const name of servers) {
    writeFileSync(join(dir, `${name}.conf`), config(name, ports[name], dir));
  }
  const words = [script, "setup", `${dir}`, ...[account, container, object].map(String)];
  const setup = spawnSync(python, words, { encoding: "utf8" });
  if (setup.status !== 0) throw new Error(`Swift cannot be set up:\n${setup.stderr}`);

  const start = (name: string) => new Running([python, script, name, `${dir}`]);
  const running = new Map(servers.map((name) => [name as string, start(name)]));
  await Promise.all([...running.values()].map((each) => each.logged(/^ready/)));
  const client = new AwsClient({
    accessKeyId: accessKey,
    secretAccessKey: secretKey,
    service: "s3",
    region: "us-east-1",
  });
  const url = `http://127.0.0.1:${proxy}/${bucket}`;
  const made = await client.fetch(url, { method: "PUT" });
  if (!made.ok) throw new Error(`the bucket cannot be made: ${made.status} ${await made.text()}`);

  return {
    url,
    credentials: { AWS_ACCESS_KEY_ID: accessKey, AWS_SECRET_ACCESS_KEY: secretKey },
    keys: async () => {
      const text = await (await client.fetch(`${url}?list-type=2`)).text();
      return [...text.matchAll(/<Key>([^<]*)<\/Key>/g)].map(([, key = ""]) => key);
    },
    stop: async () => running.get("proxy")?.kill(),
    start: async () => {
      running.set("proxy", start("proxy"));
      await running.get("proxy")?.logged(/^ready/);
    },
    async [Symbol.asyncDispose]() {
      for (const each of running.values()) await each[Symbol.asyncDispose]();
      dir[Symbol.dispose]();
    },
  };
}

function config(name: (typeof servers)[number], port: number, dir: string): string {
  const common = `[DEFAULT]
bind_ip = 127.0.0.1
bind_port = ${port}
workers = 0
user = ${userInfo().username}
swift_dir = ${dir}
devices = ${join(dir, "disks")}
mount_check = false
disable_fallocate = true
fallocate_reserve = 0
`;
  if (name !== "proxy") {
    return `${common}
[pipeline:main]
pipeline = ${name}-server
[app:${name}-server]
use = egg:swift#${name}
`;
  }
  return `${common}
[pipeline:main]
pipeline = catch_errors gatekeeper cache s3api tempauth proxy-server
[app:proxy-server]
use = egg:swift#proxy
account_autocreate = true
[filter:catch_errors]
use = egg:swift#catch_errors
[filter:gatekeeper]
use = egg:swift#gatekeeper
[filter:cache]
paste.filter_factory = __main__:without_cache
[filter:s3api]
use = egg:swift#s3api
location = us-east-1
allow_multipart_uploads = false
[filter:tempauth]
use = egg:swift#tempauth
user_test_tester = ${secretKey} .admin
`;
}

/** Ports that are free now: Swift wants to know them before anything listens. */
async function freePorts(count: number): Promise<number[]> {
  const probes = Array.from({ length: count }, () => createServer());
  await Promise.all(
    probes.map((probe) => new Promise<void>((done) => probe.listen(0, "127.0.0.1", done))),
  );
  const ports = probes.map((probe) => (probe.address() as { port: number }).port);
  await Promise.all(probes.map((probe) => new Promise((done) => probe.close(done))));
  return ports;
}
