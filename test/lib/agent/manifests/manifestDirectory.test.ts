import { expect, test } from "bun:test";
import { chmodSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseProgram } from "../../../../lib/agent/manifests/commandManifest.ts";
import {
  ManifestDirectory,
  manifestsMax,
} from "../../../../lib/agent/manifests/manifestDirectory.ts";
import { silentLog } from "../../../../lib/log/log.ts";
import { temporaryDir } from "../../../support/processes/processes.ts";

const manifest = (description: string) => `description = "${description}"\nargv = ["/bin/true"]`;

test("a capabilities list is what its directory holds now, and a faulty file harms no other", () => {
  using parent = temporaryDir();
  const dir = join(`${parent}`, "commands.d");
  const capabilities = new ManifestDirectory(dir, parseProgram, ["ping"], silentLog);
  expect(capabilities.list()).toEqual([]);

  mkdirSync(dir);
  writeFileSync(join(dir, "one.toml"), manifest("first"));
  writeFileSync(join(dir, "ping.toml"), manifest("would hide a command"));
  writeFileSync(join(dir, "broken.toml"), "argv = [");
  writeFileSync(join(dir, "notes.txt"), "no manifest");
  expect(capabilities.find("one")?.item?.description).toBe("first");
  expect(capabilities.find("ping")?.fault).toContain('the name "ping" is already in use');
  expect(capabilities.find("broken")?.fault).toContain("is not valid TOML");
  expect(capabilities.find("notes")).toBeUndefined();

  writeFileSync(join(dir, "one.toml"), manifest("second, and longer"));
  expect(capabilities.find("one")?.item?.description).toBe("second, and longer");
  writeFileSync(join(dir, "two.toml"), `name = "one"\n${manifest("the name is taken")}`);
  expect(capabilities.find("two")?.fault).toContain('the name "one" is already in use');
  rmSync(join(dir, "one.toml"));
  expect(capabilities.find("one")?.item?.description).toBe("the name is taken");
});

test("manifests: a world-writable file is ignored, and the log says how to fix it", () => {
  using parent = temporaryDir();
  const dir = `${parent}`;
  writeFileSync(join(dir, "one.toml"), manifest("d"));
  chmodSync(join(dir, "one.toml"), 0o666);
  const capabilities = new ManifestDirectory(dir, parseProgram, [], silentLog);
  expect(capabilities.find("one")?.fault).toContain("chmod o-w");
  chmodSync(join(dir, "one.toml"), 0o644);
  expect(capabilities.find("one")?.item).toBeDefined();
});

test("manifests: files beyond the limit are ignored with one warning", () => {
  using dir = temporaryDir();
  for (let index = 0; index < manifestsMax + 500; index++) {
    const name = `c${String(index).padStart(5, "0")}`;
    writeFileSync(join(`${dir}`, `${name}.toml`), manifest(name));
  }
  const warnings: unknown[] = [];
  const log = { ...silentLog, warn: (text: string) => void warnings.push(text) };
  const capabilities = new ManifestDirectory(`${dir}`, parseProgram, [], log);
  expect(capabilities.list()).toHaveLength(manifestsMax + 1);
  expect(capabilities.find("c00999")?.item?.name).toBe("c00999");
  expect(capabilities.find("c01000")?.fault).toContain("the limit is 1000 manifests");
  expect(warnings).toHaveLength(1);
});
