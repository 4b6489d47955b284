/** What is inside of the binary, that it is the same each time, and that nothing else gets in. */
import { expect, setDefaultTimeout, test } from "bun:test";
import { createHash } from "node:crypto";
import { cpSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { build } from "../../scripts/build.ts";
import { sbom } from "../../scripts/release/sbom.ts";
import { temporaryDir, wsctl } from "../support/processes/processes.ts";

setDefaultTimeout(120_000);

const root = new URL("../..", import.meta.url).pathname;
const hashOf = (path: string) => createHash("sha256").update(readFileSync(path)).digest("hex");

test("two builds are the same, byte for byte, wherever they are made", async () => {
  using dir = temporaryDir();
  using copy = temporaryDir();
  for (const part of [
    "cmd",
    "lib",
    "scripts",
    "docs/schemas",
    "package.json",
    "bunfig.toml",
    "tsconfig.json",
  ]) {
    cpSync(join(root, part), join(copy, part), { recursive: true });
  }
  // Not a link to it: the parts of the binary are named by where their sources are.
  const from = join(root, "node_modules");
  expect(Bun.spawnSync(["cp", "-r", from, join(copy, "node_modules")]).exitCode).toBe(0);
  const [one, two] = [join(dir, "1", "wsctl"), join(dir, "2", "wsctl")];
  await build({ outfile: one });
  const script = join(copy, "scripts", "build.ts");
  const made = Bun.spawnSync([process.execPath, script, "--outfile", two]);
  expect(made.exitCode).toBe(0);
  expect(hashOf(two)).toBe(hashOf(one));
});

test("the bill of materials names every package with its hash, and is the same each time", () => {
  const text = sbom();
  expect(sbom()).toBe(text);
  const { components, bomFormat, serialNumber } = JSON.parse(text);
  expect(bomFormat).toBe("CycloneDX");
  expect(serialNumber).toMatch(/^urn:uuid:[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
  const libraries = components.filter(({ type }: { type: string }) => type === "library");
  for (const { name, version, hashes } of libraries) {
    const own = JSON.parse(readFileSync(join(root, "node_modules", name, "package.json"), "utf8"));
    expect({ name, version }).toEqual({ name, version: own.version });
    expect(hashes[0].content).toMatch(/^[0-9a-f]{128}$/);
  }
});

test("every dependency has its reason on the page of dependencies, and no other is there", () => {
  const manifest = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  const page = readFileSync(join(root, "docs", "dependencies.md"), "utf8");
  const named = [...page.matchAll(/^\| `([^`]+)`\s*\| \S/gm)].map(([, name]) => name);
  expect(named.sort()).toEqual(Object.keys(manifest.dependencies).sort());
});

test("the binary takes no settings and no code from where it is started", async () => {
  using dir = temporaryDir();
  writeFileSync(join(dir, ".env"), "WSCTL_JSON=true\nWSCTL_SERVER=https://evil.example\n");
  writeFileSync(join(dir, "evil.js"), 'require("fs").writeFileSync("ran", "")\n');
  writeFileSync(join(dir, "bunfig.toml"), 'preload = ["./evil.js"]\n');
  const finished = await wsctl(["version", "--json"], { cwd: `${dir}` });
  expect(finished).toMatchObject({ code: 0, stderr: "" });
  const asked = await wsctl(["agents", "--data-dir", `${dir}`], { cwd: `${dir}` });
  expect(asked.stderr).not.toContain("evil.example");
  expect(Bun.file(join(dir, "ran")).size).toBe(0);
});

test.each([
  ["NODE_TLS_REJECT_UNAUTHORIZED", "0", ["serve", "agent", "agents", "doctor"]],
  ["BUN_CONFIG_VERBOSE_FETCH", "curl", ["serve", "agent", "agents"]],
  ["NODE_OPTIONS", "--require=./evil.js", ["serve", "agent"]],
  ["BUN_INSPECT_NOTIFY", "tcp://127.0.0.1:1", ["serve", "agent"]],
])("%s=%s is refused by name by %j", async (name, value, commands) => {
  using dir = temporaryDir();
  for (const command of commands) {
    const finished = await wsctl([command, "--data-dir", `${dir}`], { env: { [name]: value } });
    expect({ command, code: finished.code }).toEqual({ command, code: 2 });
    expect(finished.stderr).toContain(name);
  }
});
