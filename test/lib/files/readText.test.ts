import { describe, expect, test } from "bun:test";
import { spawn, spawnSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { readTextFile } from "../../../lib/files/readText.ts";
import { temporaryDir } from "../../support/processes/processes.ts";

const dir = temporaryDir();
const path = join(`${dir}`, "file");

describe("a text file", () => {
  test.each([
    ["UTF-8", Buffer.from("ä=1\nb\n")],
    ["a byte order mark", Buffer.from("\ufeffä=1\nb\n")],
    ["line ends of Windows", Buffer.from("ä=1\r\nb\r\n")],
    ["UTF-16, little end first", Buffer.from("\ufeffä=1\r\nb\r\n", "utf16le")],
    ["UTF-16, big end first", Buffer.from("\ufeffä=1\nb\n", "utf16le").swap16()],
  ])("with %s is the same text", (_name, bytes) => {
    writeFileSync(path, bytes);
    expect(readTextFile(path)).toBe("ä=1\nb\n");
  });

  test.each([
    ["another encoding", Buffer.from([0x66, 0xfc, 0x72]), "not UTF-8"],
    ["UTF-16 without a mark", Buffer.from("ab", "utf16le"), "NUL characters"],
    ["half a character", Buffer.from("\ufeffab", "utf16le").subarray(0, 5), "cut off"],
  ])("in %s is refused", (_name, bytes, why) => {
    writeFileSync(path, bytes);
    expect(() => readTextFile(path)).toThrow(why);
  });

  test("has a limit, also where it has no end", () => {
    writeFileSync(path, "x".repeat(101));
    expect(readTextFile(path, { bytesMax: 101 })).toHaveLength(101);
    expect(() => readTextFile(path, { bytesMax: 100 })).toThrow("more than 100 bytes");
    expect(() => readTextFile("/dev/zero")).toThrow("more than 4194304 bytes");
  });

  test("is no directory", () => {
    const inside = join(`${dir}`, "directory");
    mkdirSync(inside);
    expect(() => readTextFile(inside)).toThrow("it is a directory: expected a file");
  });

  test("may be a pipe whose writer is slow", () => {
    const pipe = join(`${dir}`, "pipe");
    expect(spawnSync("mkfifo", [pipe]).status).toBe(0);
    spawn("sh", ["-c", `(printf one; sleep 0.2; printf two) > ${pipe}`], { stdio: "ignore" });
    expect(readTextFile(pipe)).toBe("onetwo");
  });
});
