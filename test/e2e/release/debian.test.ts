/** The Debian package: built without root, installed into an empty root, and removed. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { buildDebian } from "../../../scripts/release/debian.ts";
import { temporaryDir, wsctlCommand } from "../../support/processes/processes.ts";

const hasDpkg = Bun.which("dpkg-deb") !== null;
const hasLintian = Bun.which("lintian") !== null;

/** Packages of a release are compressed. */
const suppressed = [
  ...["unstripped-binary-or-object", "statically-linked-binary", "embedded-library"],
  ...["uses-no-compression-for-control-tarball", "uses-no-compression-for-data-tarball"],
].join(",");

let dir: string & Disposable;
let file: string;

function run(...command: string[]) {
  const { exitCode, stdout, stderr } = Bun.spawnSync(command);
  return { exitCode, text: `${stdout}${stderr}` };
}

describe.skipIf(!hasDpkg)("the Debian package", () => {
  beforeAll(() => {
    dir = temporaryDir();
    const [binary = ""] = wsctlCommand("binary");
    file = buildDebian({ binary, output: `${dir}`, architecture: "amd64", compression: "none" });
  }, 120_000);
  afterAll(() => dir[Symbol.dispose]());

  test("has binary, man page, completions and units, owned by root", () => {
    const { text } = run("dpkg-deb", "--contents", file);
    for (const path of [
      ...["usr/bin/wsctl", "usr/share/man/man1/wsctl.1.gz", "usr/share/doc/wsctl/copyright"],
      ...["usr/share/bash-completion/completions/wsctl", "usr/share/zsh/vendor-completions/_wsctl"],
      ...[
        "usr/share/fish/vendor_completions.d/wsctl.fish",
        "usr/lib/systemd/system/wsctl-agent.service",
      ],
    ]) {
      expect(text).toMatch(new RegExp(`root/root .* \\./${path}$`, "m"));
    }
    expect(run("dpkg-deb", "--field", file, "Package", "Architecture").text).toBe(
      "Package: wsctl\nArchitecture: amd64\n",
    );
  });

  test("is installed into an empty root, where it runs, and is removed without a trace", () => {
    const target = join(`${dir}`, "root");
    const admin = join(target, "var/lib/dpkg");
    for (const path of ["info", "updates"]) mkdirSync(join(admin, path), { recursive: true });
    for (const name of ["status", "available"]) writeFileSync(join(admin, name), "");
    const log = join(`${dir}`, "dpkg.log");
    const dpkg = [
      "dpkg",
      `--root=${target}`,
      `--log=${log}`,
      "--force-not-root",
      "--force-depends",
    ];
    const installed = run(...dpkg, "--install", file);
    expect([installed.exitCode, installed.text]).toEqual([
      0,
      expect.stringContaining("Setting up wsctl"),
    ]);
    expect(run(join(target, "usr/bin/wsctl"), "version").text).toContain("protocol 1");
    const unit = readFileSync(join(target, "usr/lib/systemd/system/wsctl-agent.service"), "utf8");
    expect(unit).toContain("\nExecStart=/usr/bin/wsctl agent\n");
    expect(run(...dpkg, "--purge", "wsctl").exitCode).toBe(0);
    expect(existsSync(join(target, "usr"))).toBe(false);
  });

  test.skipIf(!hasLintian)(
    "passes lintian without an error",
    () => {
      // The binary is a runtime with its program behind it: it cannot be stripped.
      const { text } = run("lintian", "--fail-on", "error", "--suppress-tags", suppressed, file);
      expect(text.split("\n").filter((line) => line.startsWith("E:"))).toEqual([]);
    },
    120_000,
  );
});
