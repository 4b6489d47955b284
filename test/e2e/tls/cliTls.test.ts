/** The link and the API over TLS with a certificate made here, on either runtime. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { adminToken, expectRefusal } from "../../support/processes/cli.ts";
import {
  type Flavour,
  Running,
  type Serving,
  startAgent,
  startServe,
  temporaryDir,
  wsctl,
  wsctlCommand,
} from "../../support/processes/processes.ts";

setDefaultTimeout(60_000);

const hasOpenssl = spawnSync("openssl", ["version"]).status === 0;
if (!hasOpenssl) process.stderr.write("TLS is not tested here: openssl is missing\n");

/**
 * A self-signed certificate for these names, as two files. It is no authority (`CA:FALSE`): Deno
 * takes none for a server's own certificate.
 */
function makeCertificate(dir: string, name: string, names: string) {
  const [cert, key, config] = [".pem", ".key", ".cnf"].map((end) => join(`${dir}`, name + end));
  const settings = [
    "[req]\ndistinguished_name = dn\nx509_extensions = ext\nprompt = no",
    `[dn]\nCN = ${name}`,
    `[ext]\nsubjectAltName = ${names}\nbasicConstraints = critical,CA:FALSE`,
  ];
  writeFileSync(config!, `${settings.join("\n")}\n`);
  const curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
  const files = ["-config", config!, "-keyout", key!, "-out", cert!, "-days", "2"];
  const made = spawnSync("openssl", ["req", "-x509", ...curve, ...files]);
  if (made.status !== 0) throw new Error(made.stderr.toString());
  return { cert: cert!, key: key! };
}

function tlsSuite(flavour: Flavour): void {
  describe(`over TLS on ${flavour}`, () => {
    const dataDir = temporaryDir();
    const elsewhere = temporaryDir();
    let serving: Serving;
    let agent: Running;
    let ca = "";
    let server = "";

    const from = (token: string) => ({ WSCTL_TOKEN: token, WSCTL_DATA_DIR: `${elsewhere}` });
    const remote = (...args: string[]) =>
      wsctl([...args, "--server", server], { flavour, env: from(adminToken(dataDir)) });
    const strangeAgent = (id: string, args: string[]) =>
      new Running([...wsctlCommand(flavour), "agent", "--id", id, "--server", ...args], {
        env: from("anything"),
      });

    beforeAll(async () => {
      const { cert, key } = makeCertificate(dataDir, "own", "IP:127.0.0.1,DNS:localhost");
      ca = cert;
      const args = ["--tls-cert", cert, "--tls-key", key];
      serving = await startServe({ dataDir, flavour, args });
      server = serving.url;
      agent = startAgent({ dataDir, id: "web-1", flavour });
      await agent.logged(/connected/);
    });
    afterAll(async () => {
      await agent?.[Symbol.asyncDispose]();
      await serving?.[Symbol.asyncDispose]();
      dataDir[Symbol.dispose]();
      elsewhere[Symbol.dispose]();
    });

    test("agent and send of this host work without settings", async () => {
      expect(serving.url).toStartWith("https://");
      const at = ["--data-dir", `${dataDir}`];
      const sent = await wsctl(["send", "ping", "--agent", "web-1", ...at], { flavour });
      expect(sent).toMatchObject({ code: 0, stderr: expect.stringMatching(/^Job \S+\n$/) });
    });

    test("another host works with the certificate as its authority", async () => {
      const sent = await remote("send", "ping", "--agent", "web-1", "--ca", ca);
      expect(sent).toMatchObject({ code: 0, stderr: expect.stringMatching(/^Job \S+\n$/) });
    });

    test("another host without it learns nothing, and is told why", async () => {
      expectRefusal(await remote("agents"), 3, /certificate|issuer/i);
    });

    test("a send without it is given up before long: waiting would not fix it", async () => {
      const command = ["send", "ping", "--agent", "web-1", "--server", server];
      await using sending = new Running([...wsctlCommand(flavour), ...command], {
        env: from(adminToken(dataDir)),
      });
      await sending.logged(/Cannot reach .*(certificate|issuer)/i);
      expect(await sending.exited).toBe(3);
    });

    test("doctor says that the authority is missing, and how to give it", async () => {
      const doctor = await remote("doctor");
      expect(doctor).toMatchObject({ code: 3, stderr: "" });
      expect(doctor.stdout).toContain("FAIL  tls: ");
      expect(doctor.stdout).toContain("--ca FILE");
    });

    test("doctor is content where the authority is known", async () => {
      const doctor = await wsctl(["doctor", "--data-dir", `${dataDir}`], { flavour });
      expect(doctor).toMatchObject({ code: 0, stderr: "" });
      expect(doctor.stdout).toContain("ok    tls: the certificate is trusted");
    });

    test("an agent that does not trust the certificate does not connect", async () => {
      const url = server.replace("https", "wss");
      await using strange = strangeAgent("strange-1", [url]);
      await strange.logged(/cannot connect/);
      expect(strange.lines.join("\n")).not.toMatch(/[^n]connected/);
      expect(serving.process.lines.join("\n")).not.toContain("agent rejected");
    });

    test("an agent that trusts it connects, and is judged by its token", async () => {
      const url = server.replace("https", "wss");
      await using strange = strangeAgent("strange-2", [url, "--ca", ca]);
      await strange.logged(/4401/);
    });

    test("plain text to the TLS port is no way in", async () => {
      const url = server.replace("https", "http");
      const env = from(adminToken(dataDir));
      expect((await wsctl(["agents", "--server", url], { flavour, env })).code).toBe(3);
    });

    test("a certificate for another host is not taken for this one", async () => {
      using otherDir = temporaryDir();
      const { cert, key } = makeCertificate(otherDir, "other", "DNS:other.example");
      const args = ["--tls-cert", cert, "--tls-key", key];
      await using other = await startServe({ dataDir: otherDir, flavour, args });
      const url = `127.0.0.1:${other.port}`;
      const env = from(adminToken(otherDir));
      const ask = ["agents", "--server", `https://${url}`, "--ca", cert];
      expect((await wsctl(ask, { flavour, env })).code).toBe(3);
      await using strange = strangeAgent("strange-3", [`wss://${url}`, "--ca", cert]);
      await strange.logged(/cannot connect/);
      expect(other.process.lines.join("\n")).not.toContain("agent rejected");
    });
  });
}

if (hasOpenssl) {
  tlsSuite("binary");
  tlsSuite("deno");
}
