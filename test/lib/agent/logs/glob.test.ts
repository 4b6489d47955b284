import { describe, expect, test } from "bun:test";
import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { checkGlob, expand, matches } from "../../../../lib/agent/logs/glob.ts";
import { temporaryDir } from "../../../support/processes/processes.ts";

function tree(dir: string, ...files: string[]): void {
  for (const file of files) {
    mkdirSync(dirname(join(dir, file)), { recursive: true });
    writeFileSync(join(dir, file), "");
  }
}

function found(dir: string, ...globs: string[]): string[] {
  const { paths } = expand(globs.map((glob) => join(dir, glob)));
  return paths.map((path) => path.slice(dir.length + 1)).sort();
}

describe("a pattern", () => {
  test.each([
    ["*.log", "a.log", true],
    ["*.log", ".log", false],
    [".*", ".log", true],
    ["a?c", "abc", true],
    ["a?c", "ac", false],
    ["*", "", true],
    ["a*b*c", "aXbXbXc", true],
    ["a*b*c", "aXbXbX", false],
    ["[a]+(b)", "[a]+(b)", true],
    ["*.log*", "x.log.1", true],
  ])("%s and %s", (segment, name, isMatch) => {
    expect(matches(segment, name)).toBe(isMatch);
  });

  test("glob: matching is linear for any file name", () => {
    const begin = performance.now();
    expect(matches("a*".repeat(60), `${"a".repeat(250)}b`.replace(/b$/, "a"))).toBe(true);
    expect(matches(`${"*a".repeat(60)}b`, "a".repeat(255))).toBe(false);
    expect(performance.now() - begin).toBeLessThan(1_000);
  });

  test("names files at any depth, in a directory, or one", () => {
    using dir = temporaryDir();
    tree(`${dir}`, "a.log", "b.txt", "one/c.log", "one/two/d.log", ".hid/e.log", "one/.f.log");
    expect(found(`${dir}`, "*.log")).toEqual(["a.log"]);
    expect(found(`${dir}`, "**/*.log")).toEqual(["a.log", "one/c.log", "one/two/d.log"]);
    expect(found(`${dir}`, "*/*.log")).toEqual(["one/c.log"]);
    expect(found(`${dir}`, "one/**/d.log")).toEqual(["one/two/d.log"]);
    expect(found(`${dir}`, "o?e/*", "one/c.log")).toEqual(["one/c.log"]);
    expect(found(`${dir}`, "none/*.log", "a.log/*.log")).toEqual([]);
    // One that is not there may come: what is named without a pattern is looked at in any case.
    expect(found(`${dir}`, "absent.log")).toEqual(["absent.log"]);
  });

  test("ends in spite of links that lead back", () => {
    using dir = temporaryDir();
    tree(`${dir}`, "one/a.log");
    symlinkSync(`${dir}`, join(`${dir}`, "one", "up"));
    symlinkSync("self.log", join(`${dir}`, "self.log"));
    expect(found(`${dir}`, "**/*.log")).toEqual(["one/a.log", "self.log"]);
    expect(found(`${dir}`, "*/up/*/a.log")).toEqual(["one/up/one/a.log"]);
  });

  test.each([
    ["var/log/x", "must be an absolute path"],
    ["/var/log/", "must name files, not a directory"],
    ["/var/../etc/x", 'must not contain ".."'],
    ["/var/a**/x", 'must have "**" only between slashes'],
    ["/var/**", 'must name files after "**", such as "/**/*.log"'],
    ["/var/**/**/x", 'must not repeat "**": one matches any depth'],
    ["/var/\0", "must not contain a NUL character"],
  ])("%p is refused", (glob, fault) => {
    expect(checkGlob(glob)).toBe(fault);
  });
});
