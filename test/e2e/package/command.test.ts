/** `npx wsctl`: the command of the npm package starts the binary for this system. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { cpSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { thisPlatform } from "../../../lib/release/platform.ts";
import {
  optionalDependencies,
  writeBinaryPackage,
} from "../../../scripts/package/binaryPackage.ts";
import { root } from "../../support/fixtures/sources.ts";
import { Running, temporaryDir, wsctlCommand } from "../../support/processes/processes.ts";
import { runtimes } from "./packageFixture.ts";

const [node = ""] = runtimes.node ?? [];
const system = thisPlatform();
let dir: string & Disposable;
let launcher: string;
let without: string;

beforeAll(() => {
  dir = temporaryDir();
  const lay = (name: string) => {
    const modules = join(`${dir}`, name, "node_modules");
    mkdirSync(join(modules, "wsctl/bin"), { recursive: true });
    cpSync(join(root, "scripts/package/wsctl.mjs"), join(modules, "wsctl/bin/wsctl.mjs"));
    return modules;
  };
  const modules = lay("with");
  const [binary = ""] = wsctlCommand("binary");
  writeBinaryPackage(system, binary, join(modules, "@wsctl", system));
  launcher = join(modules, "wsctl/bin/wsctl.mjs");
  without = join(lay("without"), "wsctl/bin/wsctl.mjs");
});
afterAll(() => dir[Symbol.dispose]());

function run(...command: string[]) {
  const { exitCode, stdout, stderr } = Bun.spawnSync(command);
  return { exitCode, stdout: `${stdout}`, stderr: `${stderr}` };
}

test("passes on arguments, output and exit status", () => {
  expect(run(node, launcher, "version")).toMatchObject({
    ...{ exitCode: 0, stdout: expect.stringContaining("protocol 1") },
  });
  const wrong = run(node, launcher, "agents", "--nonsense");
  expect([wrong.exitCode, wrong.stderr]).toEqual([2, expect.stringContaining("--nonsense")]);
});

test("is found by the name that a package manager links", () => {
  const linked = join(`${dir}`, "wsctl");
  symlinkSync(launcher, linked);
  expect(run(node, linked, "version").exitCode).toBe(0);
});

test("passes on a signal, and ends as the binary does", async () => {
  const data = join(`${dir}`, "data");
  const words = ["serve", "--port", "0", "--data-dir", data];
  await using serving = new Running([node, launcher, ...words]);
  await serving.logged(/serving on/);
  expect(await serving.stop()).toBe(0);
});

test("says which package is missing", () => {
  const { exitCode, stderr } = run(node, without, "version");
  expect(exitCode).toBe(1);
  expect(stderr).toContain(`Cannot start: the package @wsctl/${system} is not installed`);
});

test("the package of a binary is for its system alone, in the version of the library", () => {
  const [binary = ""] = wsctlCommand("binary");
  const small = join(`${dir}`, "small");
  writeFileSync(small, "");
  const described = (name: string, file = small) => {
    const to = join(`${dir}`, "described", name);
    writeBinaryPackage(name, file, to);
    return JSON.parse(readFileSync(join(to, "package.json"), "utf8"));
  };
  expect(described("linux-x64-musl")).toMatchObject({
    ...{ name: "@wsctl/linux-x64-musl", os: ["linux"], cpu: ["x64"], libc: ["musl"] },
  });
  expect(described("windows-x64")).toMatchObject({ os: ["win32"], cpu: ["x64"] });
  expect(optionalDependencies).toHaveProperty(
    [`@wsctl/${system}`],
    described(system, binary).version,
  );
});
