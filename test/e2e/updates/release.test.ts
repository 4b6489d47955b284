/** Releases on the command line: keys, signatures, and what does not pass. */
import { expect, test } from "bun:test";
import { readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expectRefusal, jsonLines } from "../../support/processes/cli.ts";
import {
  type Flavour,
  flavours,
  startServe,
  temporaryDir,
  wsctl,
} from "../../support/processes/processes.ts";

const content = "the binary";

/** A directory with keys `a` and `b`, a file, and a release of it by `a`. */
async function prepared(dir: string) {
  const at = (name: string) => join(dir, name);
  const keygen = async (name: string) => {
    const made = await wsctl(["release", "generate-key", at(name)]);
    expect(made.code).toBe(0);
    return made.stdout.trim();
  };
  const [a, b] = [await keygen("a.key"), await keygen("b.key")];
  writeFileSync(at("wsctl-linux-x64"), content);
  const files = ["--file", `linux-x64=${at("wsctl-linux-x64")}`];
  const signed = at("release.json");
  const made = await wsctl([
    ...["release", "sign", "--key", at("a.key"), "--version", "1.2.3", ...files],
    ...["--expires-in", "90d", "--output", signed],
  ]);
  expect(made).toMatchObject({ code: 0, stdout: "" });
  const verify = (...args: string[]) => wsctl(["release", "verify", signed, ...args]);
  return { at, a, b, signed, files, verify };
}

test("a release is signed by one, then by another, and verified with its files", async () => {
  using dir = temporaryDir();
  const { at, a, b, signed, verify } = await prepared(`${dir}`);
  expect(statSync(at("a.key")).mode & 0o777).toBe(0o600);
  const one = await verify("--trust", a, "--dir", `${dir}`);
  expect(one.stdout).toMatch(/^ok: wsctl 1\.2\.3, signed by [0-9a-f]{16}; 1 file in /);
  const both = ["--trust", a, "--trust", b, "--threshold", "2"];
  expectRefusal(await verify(...both), 4, /1 of 2 signatures by trusted keys .* has not signed/);
  expectRefusal(await verify("--trust", b), 4, /0 of 1 signatures/);
  const added = await wsctl(["release", "sign", "--key", at("b.key"), "--add", signed]);
  expect(added).toMatchObject({ code: 0, stdout: "" });
  const [answer] = jsonLines<{ signed_by: string[] }>(await verify(...both, "--json"));
  expect(answer).toMatchObject({ ok: true, version: "1.2.3" });
  expect(answer?.signed_by).toHaveLength(2);
  // The same key once more is the same signature.
  await wsctl(["release", "sign", "--key", at("b.key"), "--add", signed]);
  expect(JSON.parse(readFileSync(signed, "utf8")).signatures).toHaveLength(2);
  const [shown] = jsonLines(await wsctl(["release", "show", signed, "--json"]));
  expect(shown).toMatchObject({
    version: "1.2.3",
    files: [{ platform: "linux-x64", name: "wsctl-linux-x64", bytes: content.length }],
    signatures: [
      { key: a, valid: true },
      { key: b, valid: true },
    ],
  });
  expect((await wsctl(["release", "show", signed])).stdout).toMatch(/^wsctl 1\.2\.3, made /);
});

test("files and manifests that were altered do not pass", async () => {
  using dir = temporaryDir();
  const { at, a, signed, verify } = await prepared(`${dir}`);
  writeFileSync(at("wsctl-linux-x64"), content.replace("the", "THE"));
  const hash = await verify("--trust", a, "--dir", `${dir}`);
  expect(hash).toMatchObject({ code: 1, stdout: "" });
  expect(hash.stderr).toMatch(/^wsctl: wsctl-linux-x64 has the SHA-256 [0-9a-f]{64}; expected /);
  writeFileSync(at("wsctl-linux-x64"), "short");
  expect((await verify("--trust", a, "--dir", `${dir}`)).stderr).toMatch(
    /has 5 bytes; expected 10/,
  );
  const text = readFileSync(signed, "utf8");
  writeFileSync(signed, text.replace("1.2.3", "9.9.9"));
  expectRefusal(await verify("--trust", a), 4, /has an invalid signature/);
  const added = await wsctl(["release", "sign", "--key", at("b.key"), "--add", signed]);
  expectRefusal(added, 2, /has signed something else; the manifest may have been altered/);
  writeFileSync(signed, "{}");
  expectRefusal(
    await verify("--trust", a),
    2,
    /release\.json: the signed release: manifest is missing/,
  );
});

test("an expired release does not pass", async () => {
  using dir = temporaryDir();
  const { at, a, files } = await prepared(`${dir}`);
  const sign = ["release", "sign", "--key", at("a.key"), "--version", "1.0.0", ...files];
  const { stdout } = await wsctl([...sign, "--expires-in", "0s"]);
  writeFileSync(at("old.json"), stdout);
  const old = await wsctl(["release", "verify", at("old.json"), "--trust", a]);
  expectRefusal(old, 1, /Release 1\.0\.0 expired at /);
});

test("what is missing or wrong on the command line is named", async () => {
  using dir = temporaryDir();
  const { at, a, signed, files, verify } = await prepared(`${dir}`);
  const sign = (...args: string[]) => wsctl(["release", "sign", ...args]);
  const key = ["--key", at("a.key")];
  expectRefusal(await wsctl(["release", "generate-key", at("a.key")]), 2, /Cannot write .*EEXIST/);
  expectRefusal(await sign("--version", "1.2.3", ...files), 2, /Missing required flag --key FILE/);
  expectRefusal(await sign(...key, ...files), 2, /Missing required flag --version/);
  expectRefusal(await sign(...key, "--version", "1.2.3"), 2, /Missing required flag --file/);
  expectRefusal(await sign(...key, "--version", "1", ...files), 2, /version must be a version/);
  const noFile = await sign(...key, "--version", "1.2.3", "--file", "linux-x64=/none");
  expectRefusal(noFile, 2, /cannot read "\/none"/);
  expectRefusal(await sign(...key, "--add", signed, ...files), 2, /Flag --add cannot be combined/);
  expectRefusal(await sign("--key", signed, "--add", signed), 2, /No private key in PEM/);
  expectRefusal(await verify(), 2, /Missing required flag --trust KEY/);
  expectRefusal(await verify("--trust", "x"), 2, /Flag --trust: Public key must be/);
  expectRefusal(await verify("--trust", a, "--threshold", "2"), 2, /Invalid threshold 2/);
  expectRefusal(await verify("--trust", a, "--threshold", "x"), 2, /Flag --threshold is "x"/);
});

test.each(flavours)(
  "on %s keys with a passphrase work with the other runtimes'",
  async (flavour) => {
    using dir = temporaryDir();
    const at = (name: string) => join(`${dir}`, name);
    writeFileSync(at("file"), content);
    writeFileSync(at("word"), "correct horse\n");
    const word = ["--passphrase-file", at("word")];
    const run = (of: Flavour, ...args: string[]) => wsctl(["release", ...args], { flavour: of });
    const key = (await run(flavour, "generate-key", at("k"), ...word)).stdout.trim();
    const order = ["--key", at("k"), "--version", "1.2.3", "--file", `linux-x64=${at("file")}`];
    for (const other of flavours) {
      expectRefusal(
        await run(other, "sign", ...order),
        2,
        /is encrypted.*specify --passphrase-file/,
      );
      const { stdout } = await run(other, "sign", ...order, ...word);
      writeFileSync(at("r.json"), stdout);
      const verified = await run(flavour, "verify", at("r.json"), "--trust", key);
      expect(verified.stdout).toStartWith("ok: wsctl 1.2.3, signed by ");
    }
  },
);

test("what a release is made of goes with it, and not before", async () => {
  using dir = temporaryDir();
  const { signed } = await prepared(`${dir}`);
  await using serving = await startServe({ dataDir: join(dir, "serve") });
  const run = (...args: string[]) => wsctl([...args, "--data-dir", serving.dataDir]);
  const published = await run("release", "publish", signed, "--dir", `${dir}`);
  expect(published).toMatchObject({ code: 0 });
  const stored = jsonLines<{ artifact_id: string }>(await run("artifacts", "--json"));
  expect(stored.length).toBeGreaterThan(0);
  const [first] = stored;
  const refused = await run("artifacts", "delete", first?.artifact_id ?? "");
  expectRefusal(refused, 1, /part of release 1\.2\.3\. Run "wsctl release delete 1\.2\.3"/);
  expect((await run("release", "delete", "1.2.3")).code).toBe(0);
  expect((await run("artifacts", "--json")).stdout).toBe("");
});
