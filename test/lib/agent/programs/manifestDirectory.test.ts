import { expect, test } from "bun:test";
import { chmodSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseProgram } from "../../../../lib/agent/programs/commandManifest.ts";
import {
  ManifestDirectory,
  manifestsMax,
} from "../../../../lib/agent/programs/manifestDirectory.ts";
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
  expect(capabilities.find("ping")?.fault).toContain('the name "ping" is taken already');
  expect(capabilities.find("broken")?.fault).toContain("is not TOML");
  expect(capabilities.find("notes")).toBeUndefined();

  writeFileSync(join(dir, "one.toml"), manifest("second, and longer"));
  expect(capabilities.find("one")?.item?.description).toBe("second, and longer");
  writeFileSync(join(dir, "two.toml"), `name = "one"\n${manifest("the name is taken")}`);
  expect(capabilities.find("two")?.fault).toContain('the name "one" is taken already');
  rmSync(join(dir, "one.toml"));
  expect(capabilities.find("one")?.item?.description).toBe("the name is taken");
});

test("a manifest that everybody may write is left out, and how to fix that is said", () => {
  using parent = temporaryDir();
  const dir = `${parent}`;
  writeFileSync(join(dir, "one.toml"), manifest("d"));
  chmodSync(join(dir, "one.toml"), 0o666);
  const capabilities = new ManifestDirectory(dir, parseProgram, [], silentLog);
  expect(capabilities.find("one")?.fault).toContain("chmod o-w");
  chmodSync(join(dir, "one.toml"), 0o644);
  expect(capabilities.find("one")?.item).toBeDefined();
});

test("of very many manifests the first are read, the rest are named once, and it takes no time", () => {
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
  expect(capabilities.find("c01000")?.fault).toContain("at most 1000 are read");
  expect(warnings).toHaveLength(1);
});
