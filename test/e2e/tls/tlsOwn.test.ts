/** TLS without homework: an authority of the control plane's own, and certificates that change. */
import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { cpSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { presented, speaks } from "../../support/clients/certificates.ts";
import { expectRefusal } from "../../support/processes/cli.ts";
import {
  connectedAgent,
  startServe,
  temporaryDir,
  wsctl,
} from "../../support/processes/processes.ts";

setDefaultTimeout(60_000);

describe.each(["binary", "deno"] as const)("its own authority, on %s", (flavour) => {
  test("TLS: the authority is created at the first start, kept, and readable only by its owner", async () => {
    using dir = temporaryDir();
    const args = ["--tls", "on", "--advertise", "hub.example", "--advertise", "10.1.2.3"];
    const first = await startServe({ dataDir: dir, flavour, args });
    expect(first.url).toStartWith("https://127.0.0.1:");
    const { names, issuer } = await presented(first.port);
    for (const name of ["DNS:hub.example", "IP Address:10.1.2.3", "IP Address:127.0.0.1"]) {
      expect(names).toContain(name);
    }
    for (const file of ["ca.pem", "ca-key.pem"]) {
      expect(statSync(join(dir, "tls", file)).mode & 0o777).toBe(0o600);
    }
    await first.process.stop();
    await using second = await startServe({ dataDir: dir, flavour, args });
    expect((await presented(second.port)).issuer).toBe(issuer);
    const doctor = await wsctl(["doctor", "--data-dir", `${dir}`], { flavour });
    expect(doctor).toMatchObject({ code: 0, stderr: "" });
  });

  test("TLS: the certificate is renewed in time without interrupting connections", async () => {
    using dir = temporaryDir();
    const args = ["--tls", "on", "--tls-lifetime", "3s"];
    await using serving = await startServe({ dataDir: dir, flavour, args });
    await using agent = await connectedAgent({ dataDir: dir, flavour, id: "web-1" });
    const serials = new Set<string>();
    for (let round = 1; round <= 3; round++) {
      const { length } = serving.process.lines;
      serials.add((await presented(serving.port)).serial);
      const ping = ["send", "ping", "--agent", "web-1", "--data-dir", `${dir}`];
      expect(await wsctl(ping, { flavour })).toMatchObject({
        code: 0,
        stderr: expect.stringMatching(/^Job \S+\n$/),
      });
      await serving.process.logged(/certificate renewed/, length);
    }
    expect(serials.size).toBe(3);
    expect(agent.lines.filter((line) => / connected$/.test(line))).toHaveLength(1);
    expect(await serving.process.stop()).toBe(0);
  });
});

test.each(["binary", "deno"] as const)(
  "nothing below TLS 1.2 is spoken, on %s",
  async (flavour) => {
    using dir = temporaryDir();
    await using serving = await startServe({ dataDir: dir, flavour, args: ["--tls", "on"] });
    const versions = ["tls1", "tls1_1", "tls1_2", "tls1_3"];
    const spoken = await Promise.all(versions.map((version) => speaks(serving.port, version)));
    expect(spoken).toEqual([false, false, true, true]);
  },
);

test("an authority of which half is lost is not replaced in silence", async () => {
  using dir = temporaryDir();
  const args = ["--tls", "on"];
  await (await startServe({ dataDir: dir, args })).process.stop();
  const serve = ["serve", "--port", "0", "--data-dir", `${dir}`, ...args];
  const [cert, key] = [join(dir, "tls", "ca.pem"), join(dir, "tls", "ca-key.pem")];
  renameSync(key, `${key}.away`);
  expectRefusal(
    await wsctl(serve),
    2,
    /ca-key\.pem": one of the two files is missing. Restore both/,
  );
  writeFileSync(key, "no key");
  expectRefusal(await wsctl(serve), 2, /Cannot use the certificate authority/);
  using other = temporaryDir();
  await (await startServe({ dataDir: other, args })).process.stop();
  cpSync(join(other, "tls", "ca-key.pem"), key);
  expectRefusal(await wsctl(serve), 2, /the key does not match the certificate/);
  rmSync(cert);
  rmSync(key);
  await using fresh = await startServe({ dataDir: dir, args });
  expect(fresh.url).toStartWith("https://");
});

describe.each(["binary", "deno"] as const)("a certificate of the operator's, on %s", (flavour) => {
  test("TLS: a changed certificate file is loaded, and an invalid one is not", async () => {
    using dir = temporaryDir();
    // Two authorities make two certificates for this host: chains as an operator would have them.
    const chains = await Promise.all([1, 2].map(() => chainOf(flavour)));
    const [cert, key] = [join(dir, "cert.pem"), join(dir, "key.pem")];
    const put = (chain: { cert: string; key: string }) => {
      writeFileSync(cert, chain.cert);
      writeFileSync(key, chain.key);
    };
    put(chains[0]!);
    const args = ["--tls-cert", cert, "--tls-key", key];
    await using serving = await startServe({ dataDir: dir, flavour, args });
    await using agent = await connectedAgent({ dataDir: dir, flavour, id: "web-1" });
    const before = await presented(serving.port);
    writeFileSync(cert, "half of a fi");
    await serving.process.logged(/certificate reload failed, keeping the current one: Cannot read/);
    writeFileSync(cert, chains[1]!.cert);
    await serving.process.logged(/certificate reload failed.*does not match certificate/);
    expect(await presented(serving.port)).toEqual(before);
    put(chains[1]!);
    await serving.process.logged(/certificate reloaded/);
    expect((await presented(serving.port)).issuer).not.toBe(before.issuer);
    expect(agent.lines.filter((line) => / connected$/.test(line))).toHaveLength(1);
  });
});

test.each([
  { args: ["--tls", "off", "--host", "0.0.0.0"], says: /Cannot serve on "0.0.0.0" without TLS/ },
  { args: ["--tls", "on", "--insecure-plaintext"], says: /cannot be combined/ },
  { args: ["--tls", "off", "--tls-cert", "a", "--tls-key", "b"], says: /cannot be combined/ },
  { args: ["--tls-cert", "/none", "--tls-key", "/none"], says: /--tls-cert: cannot read "\/none"/ },
  { args: ["--tls", "on", "--tls-lifetime", "0s"], says: /from 1s to 397d/ },
  { args: ["--tls", "on", "--advertise", "https://x:1"], says: /without a port/ },
  { args: ["--tls", "maybe"], says: /auto/ },
])("serve $args is refused", async ({ args, says }) => {
  using dir = temporaryDir();
  const serve = ["serve", "--port", "0", "--data-dir", `${dir}`, ...args];
  expectRefusal(await wsctl(serve), 2, says);
});

/** A certificate with its chain, and its key, issued by a new authority. */
async function chainOf(flavour: "binary" | "deno"): Promise<{ cert: string; key: string }> {
  using dir = temporaryDir();
  await (await startServe({ dataDir: dir, flavour, args: ["--tls", "on"] })).process.stop();
  await import("reflect-metadata");
  const { loadOrCreateCa } = await import("../../../lib/control/tls/certificateAuthority.ts");
  const authority = await loadOrCreateCa(join(dir, "tls"), Date.now());
  expect(readFileSync(join(dir, "tls", "ca.pem"), "utf8")).toBe(authority.certificate);
  return authority.issue(["127.0.0.1"], 60_000_000, Date.now());
}
