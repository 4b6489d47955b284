/** The installation script on a release of this machine, and on releases that were changed. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { createHash, generateKeyPairSync, type KeyObject, sign } from "node:crypto";
import {
  appendFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readFileSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { root } from "../../support/fixtures/sources.ts";
import { temporaryDir, wsctlCommand } from "../../support/processes/processes.ts";

const script = join(root, "scripts/install.sh");
const shells = ["sh", "bash"].filter((shell) => Bun.which(shell) !== null);
const names = [
  "wsctl-linux-x64-baseline",
  "wsctl-linux-arm64",
  "wsctl-linux-x64-musl",
  "wsctl-linux-arm64-musl",
];

let dir: string & Disposable;
let release: string;
let key: string;
let server: Bun.Server<undefined>;

beforeAll(() => {
  dir = temporaryDir();
  release = join(`${dir}`, "release");
  mkdirSync(release);
  const [binary = ""] = wsctlCommand("binary");
  // The same binary under each name: the script decides by the machine that it runs on.
  for (const name of names) {
    writeFileSync(join(release, name), `#!/bin/sh\nexec "${binary}" "$@"\n`);
  }
  const pair = generateKeyPairSync("ed25519");
  key = publicText(pair.publicKey);
  signRelease(release, pair.privateKey);
  server = Bun.serve({
    ...{ port: 0, hostname: "127.0.0.1" },
    fetch: ({ url }) => {
      const path = join(`${dir}`, new URL(url).pathname);
      return existsSync(path) ? new Response(Bun.file(path)) : new Response(null, { status: 404 });
    },
  });
});

afterAll(async () => {
  await server.stop(true);
  dir[Symbol.dispose]();
});

function publicText(publicKey: KeyObject): string {
  const { x = "" } = publicKey.export({ format: "jwk" });
  return `wsctl-ed25519:${x}`;
}

function signRelease(path: string, privateKey: KeyObject): void {
  const lines = names.map((name) => {
    const sum = createHash("sha256")
      .update(readFileSync(join(path, name)))
      .digest("hex");
    return `${sum}  ${name}\n`;
  });
  const text = lines.join("");
  writeFileSync(join(path, "SHA256SUMS"), text);
  const signature = sign(null, Buffer.from(text), privateKey).toString("base64");
  writeFileSync(join(path, "SHA256SUMS.sig"), `${signature}\n`);
}

async function install(...args: string[]) {
  // Not spawnSync: the server of this process answers the script.
  const child = Bun.spawn([shells[0] ?? "sh", script, ...args], { stdout: "pipe", stderr: "pipe" });
  const [stdout, stderr] = [
    await new Response(child.stdout).text(),
    await new Response(child.stderr).text(),
  ];
  return { stdout, stderr, code: await child.exited };
}

describe("install.sh", () => {
  test("downloads, verifies, installs with completions, and uninstalls", async () => {
    const prefix = join(`${dir}`, "prefix");
    const url = `http://127.0.0.1:${server.port}/release`;
    const { stdout, stderr, code } = await install("--from", url, "--key", key, "--prefix", prefix);
    expect([stderr, code]).toEqual(["", 0]);
    expect(stdout).toContain(`signature verified: ${key}`);
    expect(stdout).toMatch(/checksum verified: wsctl-/);
    expect(stdout).toMatch(/installed wsctl \d+\.\d+\.\d+ as .*\/prefix\/bin\/wsctl/);
    const run = Bun.spawnSync([join(prefix, "bin/wsctl"), "version"]);
    expect(`${run.stdout}`).toContain("protocol 1");
    const completion = join(prefix, "share/bash-completion/completions/wsctl");
    expect(readFileSync(completion, "utf8")).toContain("complete");
    const again = await install("--from", release, "--key", key, "--prefix", prefix);
    expect(again.code).toBe(0);
    const removed = await install("--uninstall", "--prefix", prefix);
    expect(removed.stdout.trim().split("\n")).toHaveLength(4);
    expect(existsSync(join(prefix, "bin/wsctl"))).toBe(false);
    expect((await install("--uninstall", "--prefix", prefix)).code).toBe(1);
  });

  const changes: [string, (path: string) => void, RegExp][] = [
    [
      "a binary was changed",
      (path) => names.forEach((name) => void appendFileSync(join(path, name), "#")),
      /checksum of "wsctl-\S+" is wrong/,
    ],
    [
      "the checksums were changed",
      (path) => appendFileSync(join(path, "SHA256SUMS"), "#\n"),
      /signature of .* is not one of/,
    ],
    [
      "another key signed",
      (path) => signRelease(path, generateKeyPairSync("ed25519").privateKey),
      /signature of .* is not one of/,
    ],
    [
      "the signature is empty",
      (path) => writeFileSync(join(path, "SHA256SUMS.sig"), ""),
      /signature of .* is not one of/,
    ],
  ];
  test.each(changes)("installs nothing where %s", async (what, change, pattern) => {
    const changed = join(`${dir}`, what.replaceAll(" ", "-"));
    cpSync(release, changed, { recursive: true });
    change(changed);
    const prefix = join(changed, "prefix");
    const { code, stderr } = await install("--from", changed, "--key", key, "--prefix", prefix);
    expect([code, stderr]).toEqual([1, expect.stringMatching(pattern)]);
    expect(existsSync(prefix)).toBe(false);
  });

  test("refuses a release without a key, over plain HTTP, and unknown flags", async () => {
    const prefix = join(`${dir}`, "none");
    const refusals: [string[], RegExp][] = [
      [["--from", release], /Name the key of the release with --key/],
      [["--from", "http://example.com/r", "--key", key], /expected https/],
      [["--from", release, "--key", "abc"], /expected wsctl-ed25519/],
      [["--from", join(release, "none"), "--key", key], /Cannot read/],
      [["--form", release], /Unknown argument "--form"/],
      [[], /Name the release with --from/],
    ];
    for (const [args, pattern] of refusals) {
      const { code, stderr } = await install(...args, "--prefix", prefix);
      expect([code, stderr]).toEqual([1, expect.stringMatching(pattern)]);
    }
    const unsigned = await install("--from", release, "--no-signature", "--prefix", prefix);
    expect([unsigned.code, unsigned.stdout]).toEqual([
      0,
      expect.stringContaining("signature not verified"),
    ]);
  });

  test.each(shells)("is valid for %s", (shell) => {
    expect(Bun.spawnSync([shell, "-n", script]).exitCode).toBe(0);
  });
});
