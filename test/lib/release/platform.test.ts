import { describe, expect, test } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import { arch, platform } from "node:os";
import { join } from "node:path";
import { isMusl, thisPlatform } from "../../../lib/release/platform.ts";
import { temporaryDir } from "../../support/processes/processes.ts";

describe("a platform", () => {
  test("is this host's system and architecture", () => {
    expect(thisPlatform()).toStartWith(`${platform()}-${arch()}`);
  });

  test("is musl's where no other loader is", () => {
    using dir = temporaryDir();
    const [lib, lib64] = [join(`${dir}`, "lib"), join(`${dir}`, "lib64")] as const;
    mkdirSync(lib);
    expect(isMusl([lib, lib64])).toBe(false);
    writeFileSync(join(lib, "ld-musl-x86_64.so.1"), "");
    expect(isMusl([lib, lib64])).toBe(true);
    mkdirSync(lib64);
    writeFileSync(join(lib64, "ld-linux-x86-64.so.2"), "");
    expect(isMusl([lib, lib64])).toBe(false);
  });
});
