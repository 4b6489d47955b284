/** The RPM package: built without root, installed into an empty root, and removed. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { buildRpm } from "../../../scripts/release/rpm.ts";
import { temporaryDir, wsctlCommand } from "../../support/processes/processes.ts";

const hasRpm = Bun.which("rpmbuild") !== null;

let dir: string & Disposable;
let file: string;

function run(...command: string[]) {
  const { exitCode, stdout, stderr } = Bun.spawnSync(command);
  return { exitCode, text: `${stdout}${stderr}` };
}

function pack(output: string): string {
  const [binary = ""] = wsctlCommand("binary");
  const place = join(`${dir}`, output);
  return buildRpm({ binary, output: place, architecture: "x86_64", compression: "none" });
}

describe.skipIf(!hasRpm)("the RPM package", () => {
  beforeAll(() => {
    dir = temporaryDir();
    file = pack("one");
  }, 120_000);
  afterAll(() => dir[Symbol.dispose]());

  test("has binary, man page, completions, units and licence, owned by root", () => {
    const { text } = run("rpm", "-qlvp", file);
    const names = text.trim().split("\n");
    for (const line of names) expect(line).toMatch(/^-rw(x|-)r-(x|-)r-(x|-) .* root +root /);
    expect(names.map((line) => line.split(" ").at(-1))).toEqual([
      "/usr/bin/wsctl",
      "/usr/lib/systemd/system/wsctl-agent.service",
      "/usr/lib/systemd/system/wsctl-serve.service",
      "/usr/share/bash-completion/completions/wsctl",
      "/usr/share/doc/wsctl/CHANGELOG.md",
      "/usr/share/fish/vendor_completions.d/wsctl.fish",
      "/usr/share/licenses/wsctl/LICENSE",
      "/usr/share/man/man1/wsctl.1.gz",
      "/usr/share/zsh/site-functions/_wsctl",
    ]);
    expect(run("rpm", "-qp", "--requires", file).text).toContain("glibc\n");
  });

  test.skipIf(process.getuid?.() !== 0)(
    "is installed into an empty root, where it runs, and is removed",
    () => {
      const target = join(`${dir}`, "root");
      const rpm = ["rpm", "--root", target, "--nodeps"];
      expect(run(...rpm, "--install", file)).toMatchObject({ exitCode: 0 });
      expect(run(join(target, "usr/bin/wsctl"), "version").text).toContain("protocol 1");
      const unit = readFileSync(join(target, "usr/lib/systemd/system/wsctl-serve.service"), "utf8");
      expect(unit).toContain("\nExecStart=/usr/bin/wsctl serve\n");
      expect(run(...rpm, "--erase", "wsctl")).toMatchObject({ exitCode: 0 });
      expect(existsSync(join(target, "usr/bin/wsctl"))).toBe(false);
    },
  );

  test("is the same for the same binary", () => {
    expect(readFileSync(pack("two")).equals(readFileSync(file))).toBe(true);
  }, 60_000);
});
