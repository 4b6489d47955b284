/** Addresses and certificates: a certificate says who answers, never where. */
import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseJoin } from "../../../lib/protocol/api/joinString.ts";
import { adminToken, expectRefusal } from "../../support/processes/cli.ts";
import {
  connectedAgent,
  Running,
  startAgent,
  startServe,
  temporaryDir,
  wsctl,
  wsctlCommand,
} from "../../support/processes/processes.ts";
import { type CertificateOptions, issueCertificate } from "../../support/servers/testCa.ts";

setDefaultTimeout(60_000);

/** The flags of `serve` for a certificate. */
function withCertificate(dir: string, options: CertificateOptions) {
  mkdirSync(dir, { recursive: true });
  const { cert, key, ca } = issueCertificate(dir, options);
  return { ca, args: ["--tls-cert", cert, "--tls-key", key] };
}

describe.each(["binary", "deno"] as const)("on %s", (flavour) => {
  test.each([
    ["a wildcard and its apex", "DNS:*.example.com,DNS:example.com", {}],
    ["another address", "IP:::1", {}],
    ["a name beside a URI", "URI:spiffe://example/x,DNS:cp.example.com", {}],
    ["an expired one", "DNS:cp.example.com", { at: "2020-01-01" }],
    ["one without its intermediate", "DNS:cp.example.com", { intermediate: "missing" as const }],
  ])("commands and agents of this host work with %s", async (_what, names, more) => {
    using dir = temporaryDir();
    const { args } = withCertificate(join(`${dir}`, "ca"), { names, ...more });
    const advertise = ["--advertise", "cp.example.com"];
    const dataDir = join(`${dir}`, "serve");
    await using serving = await startServe({ dataDir, flavour, args: [...args, ...advertise] });
    expect(serving.url).toBe(`https://127.0.0.1:${serving.port}`);
    await using _agent = await connectedAgent({ dataDir, flavour, id: "web-1" });
    const at = ["--data-dir", dataDir];
    const sent = await wsctl(["send", "ping", "--agent", "web-1", ...at], { flavour });
    expect(sent).toMatchObject({ code: 0, stderr: expect.stringMatching(/^Job \S+\n$/) });
    const made = await wsctl(["tokens", "create", "--join", ...at], { flavour });
    const { url } = parseJoin(made.stdout);
    expect(url).toBe(`https://cp.example.com:${serving.port}`);
  });

  test("an IPv4-mapped address is shown as IPv4, and hosts join there", async () => {
    using dir = temporaryDir();
    const dataDir = join(`${dir}`, "serve");
    const args = ["--host", "::ffff:127.0.0.1", "--tls", "on"];
    await using serving = await startServe({ dataDir, flavour, args });
    expect(serving.url).toBe(`https://127.0.0.1:${serving.port}`);
    const made = await wsctl(["tokens", "create", "--join", "--data-dir", dataDir], { flavour });
    const joining = { dataDir: join(`${dir}`, "agent"), id: "web-1", flavour };
    await using agent = startAgent({ ...joining, args: ["--join", made.stdout.trim()] });
    await agent.logged(/ connected/);
  });

  test("an IPv6 address is in brackets, as it was given, and hosts join there", async () => {
    using dir = temporaryDir();
    const dataDir = join(`${dir}`, "serve");
    const args = ["--host", "::1", "--tls", "on"];
    await using serving = await startServe({ dataDir, flavour, args });
    expect(serving.url).toBe(`https://[::1]:${serving.port}`);
    const made = await wsctl(["tokens", "create", "--join", "--data-dir", dataDir], { flavour });
    expect(made).toMatchObject({ code: 0 });
    expect(parseJoin(made.stdout).url).toBe(serving.url);
    const joining = { dataDir: join(`${dir}`, "agent"), id: "web-1", flavour };
    await using agent = startAgent({ ...joining, args: ["--join", made.stdout.trim()] });
    await agent.logged(/ connected/);
  });
});

test.each([
  ["no name", ""],
  ["only a URI", "URI:spiffe://example/x"],
])("a certificate with %s is refused, since no client accepts it", async (_what, names) => {
  using dir = temporaryDir();
  const { args } = withCertificate(`${dir}`, { names });
  const serve = ["serve", "--port", "0", "--data-dir", join(`${dir}`, "serve"), ...args];
  expectRefusal(await wsctl(serve), 2, /names no host name and no address/);
});

test.each([
  ["expired", { names: "IP:127.0.0.1", at: "2020-01-01" }, /ERROR .*certificate has expired/],
  ["not yet valid", { names: "IP:127.0.0.1", at: "2040-01-01" }, /ERROR .*not yet valid/],
  ["for other names", { names: "DNS:a.example,IP:::1" }, /does not have the name.*a\.example,::1/],
  [
    "without its intermediate",
    { names: "IP:127.0.0.1", intermediate: "missing" },
    /ends before the issuer.*Test Intermediate/,
  ],
] as [string, CertificateOptions, RegExp][])(
  "a certificate %s is reported as that",
  async (_what, options, pattern) => {
    using dir = temporaryDir();
    const { args } = withCertificate(`${dir}`, options);
    await using serving = await startServe({ dataDir: join(`${dir}`, "serve"), args });
    await serving.process.logged(pattern);
  },
);

test("a chain that is sent whole is accepted with its root", async () => {
  using dir = temporaryDir();
  const own = { names: "IP:127.0.0.1", intermediate: "sent" } as const;
  const { ca, args } = withCertificate(`${dir}`, own);
  const dataDir = join(`${dir}`, "serve");
  await using serving = await startServe({ dataDir, args });
  const env = { WSCTL_TOKEN: adminToken(dataDir), WSCTL_DATA_DIR: join(`${dir}`, "none") };
  const listed = await wsctl(["agents", "--server", serving.url, "--ca", ca], { env });
  expect(listed).toMatchObject({ code: 0 });
});

test("a file of --ca without its root is named, and what it lacks", async () => {
  using dir = temporaryDir();
  const own = { names: "IP:127.0.0.1", intermediate: "sent" } as const;
  const { args } = withCertificate(`${dir}`, own);
  const dataDir = join(`${dir}`, "serve");
  await using serving = await startServe({ dataDir, args });
  const env = { WSCTL_TOKEN: adminToken(dataDir), WSCTL_DATA_DIR: join(`${dir}`, "none") };
  const middle = join(`${dir}`, "middle.pem");
  const at = ["--server", serving.url, "--ca", middle];
  const lacks = `it has no root certificate: "CN=Test Root", the issuer of "CN=Test Intermediate"`;
  const listed = await wsctl(["agents", ...at], { env });
  expect(listed.code).toBe(3);
  expect(listed.stderr).toContain(
    `Warning: --ca "${middle}": ${lacks}, is missing. Append the root`,
  );
  const checked = await wsctl(["doctor", ...at], { env });
  expect(checked.stdout).toContain(
    `fix: Append the root certificate to the file of --ca: ${lacks}`,
  );
  const agent = ["agent", "--id", "a", "--data-dir", `${dir}`, ...at];
  await using running = new Running([...wsctlCommand("binary"), ...agent], { env });
  await running.logged(/Warning: --ca .* has no root certificate/);
  const none = await wsctl(["agents", "--server", serving.url, "--ca", args.at(-1) ?? ""], { env });
  expectRefusal(none, 2, /Flag --ca: cannot use ".*": it contains no certificate in PEM/);
});

test("an address with a zone is refused, since no URL contains it", async () => {
  using dir = temporaryDir();
  const serve = ["serve", "--port", "0", "--data-dir", `${dir}`, "--host", "fe80::1%lo"];
  expectRefusal(await wsctl(serve), 2, /no URL can contain its zone/);
  const agents = ["agents", "--server", "https://[fe80::1%eth0]:7420"];
  expectRefusal(await wsctl(agents), 2, /No URL can contain the zone/);
});

const hasMounts = spawnSync("unshare", ["-m", "true"]).status === 0;

describe.skipIf(!hasMounts)("a distribution whose trust is one bundle file", () => {
  test.each(["binary", "deno"] as const)("is trusted, on %s", async (flavour) => {
    using dir = temporaryDir();
    const { ca, args } = withCertificate(`${dir}`, { names: "IP:127.0.0.1" });
    const dataDir = join(`${dir}`, "serve");
    await using serving = await startServe({ dataDir, args });
    mkdirSync(join(`${dir}`, "etc"));
    writeFileSync(join(`${dir}`, "etc", "ca-bundle.crt"), readFileSync(ca));
    const inside = 'mount --bind "$0" /etc/ssl/certs; exec "$@"';
    const mounted = ["unshare", "-m", "bash", "-c", inside, join(`${dir}`, "etc")];
    const env = { WSCTL_TOKEN: adminToken(dataDir), WSCTL_DATA_DIR: join(`${dir}`, "none") };
    const agents = [...wsctlCommand(flavour), "agents", "--server", serving.url];
    await using listing = new Running([...mounted, ...agents], { env });
    expect({ code: await listing.exited, lines: listing.lines }).toMatchObject({ code: 0 });
  });
});
