import { describe, expect, test } from "bun:test";
import {
  chmodSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { writeFileAtomically } from "../../../lib/files/atomicWrite.ts";
import { temporaryDir } from "../../support/processes/processes.ts";

const modeOf = (path: string) => statSync(path).mode & 0o777;

describe("writeFileAtomically()", () => {
  test("a file gets its new content and mode, and nothing else is left in the directory", () => {
    using dir = temporaryDir();
    const path = join(dir, "file");
    writeFileSync(path, "old", { mode: 0o644 });
    writeFileAtomically(path, "new");
    expect(readFileSync(path, "utf8")).toBe("new");
    expect(modeOf(path)).toBe(0o600);
    expect(readdirSync(dir)).toEqual(["file"]);
  });

  test("a leftover of a process that died changes neither the mode nor another file", () => {
    using dir = temporaryDir();
    const [path, other] = [join(dir, "file"), join(dir, "other")];
    writeFileSync(other, "untouched");
    symlinkSync(other, `${path}.new`);
    writeFileAtomically(path, "new", 0o640);
    expect(readFileSync(other, "utf8")).toBe("untouched");
    expect(modeOf(path)).toBe(0o640);
  });

  test("a directory that cannot be written keeps the old file, and the error names the system's reason", () => {
    using dir = temporaryDir();
    const path = join(dir, "missing", "file");
    expect(() => writeFileAtomically(path, "new")).toThrow("ENOENT");
  });

  test("content is written as bytes, whatever the umask", () => {
    using dir = temporaryDir();
    const path = join(dir, "file");
    const umask = process.umask(0o777);
    try {
      writeFileAtomically(path, new Uint8Array([0, 255]), 0o644);
    } finally {
      process.umask(umask);
    }
    expect([...readFileSync(path)]).toEqual([0, 255]);
    expect(modeOf(path)).toBe(0o644);
    chmodSync(path, 0o600);
  });
});
