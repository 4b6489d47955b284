import { describe, expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { chownSync, lchownSync, mkdirSync, symlinkSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { gzipSync } from "node:zlib";
import { collected, orderFor, writeLog } from "../../../support/harness/collecting.ts";
import { temporaryDir } from "../../../support/processes/processes.ts";

const count = (from: number, to: number) =>
  Array.from({ length: to - from + 1 }, (_, index) => `${from + index}\n`).join("");

const globs = (dir: string, ...names: string[]) => ({
  kind: "files",
  files: names.map((name) => join(dir, name)),
});

describe("the last lines", () => {
  test("go over several files, the oldest first, plain and compressed", async () => {
    using dir = temporaryDir();
    writeLog(join(`${dir}`, "a.log"), count(9, 12));
    writeLog(join(`${dir}`, "a.log.1"), count(5, 8), 100);
    const zipped = Buffer.concat([gzipSync(count(1, 2)), gzipSync(count(3, 4))]);
    writeLog(join(`${dir}`, "a.log.2.gz"), zipped, 200);
    const source = globs(`${dir}`, "a.log*");
    const all = await collected(orderFor(`${dir}`, source, { lines: "all" }));
    expect(all.printed).toBe(count(1, 12));
    expect(all.collected).toMatchObject({ lines: 12, bytes: all.printed.length });
    expect(
      all.collected.files.map(({ path, lines }) => [path.slice(dir.length + 1), lines]),
    ).toEqual([
      ["a.log.2.gz", 4],
      ["a.log.1", 4],
      ["a.log", 4],
    ]);
    for (const lines of [1, 4, 5, 8, 9, 11, 12, 13]) {
      const { printed } = await collected(orderFor(`${dir}`, source, { lines }));
      expect(printed).toBe(count(Math.max(1, 13 - lines), 12));
    }
    const filtered = await collected(orderFor(`${dir}`, source, { lines: 3, grep: "[37]$|^1" }));
    expect(filtered.printed).toBe("10\n11\n12\n");
    const wider = await collected(orderFor(`${dir}`, source, { lines: 5, grep: "[37]$|^1" }));
    expect(wider.printed).toBe("3\n7\n10\n11\n12\n");
  });

  test("of files of one age follow the numbers of their names", async () => {
    using dir = temporaryDir();
    for (const name of ["a.log", "a.log.10", "a.log.9", "a.log.1"]) {
      utimesSync(writeLog(join(`${dir}`, name), `${name}\n`), 1_700_000_000, 1_700_000_000);
    }
    const { printed } = await collected(orderFor(`${dir}`, globs(`${dir}`, "a.log*")));
    expect(printed.trim().split("\n")).toEqual(["a.log.10", "a.log.9", "a.log.1", "a.log"]);
  });

  test("are kept byte for byte: CRLF, no last line feed, and what is no text", async () => {
    using dir = temporaryDir();
    const binary = Buffer.from([0, 255, 254, 10, 0xc3, 0x28, 13, 10, 128, 10]);
    writeLog(join(`${dir}`, "a.log"), Buffer.concat([Buffer.from("one\r\ntwo\r\n"), binary]), 10);
    writeLog(join(`${dir}`, "b.log"), "no end");
    const order = orderFor(`${dir}`, globs(`${dir}`, "*.log"));
    const { printed, written, collected: facts } = await collected(order);
    expect(printed).toBe(`one\r\ntwo\r\n${binary.toString("latin1")}no end`);
    expect(written).toBe(printed);
    expect(facts.lines).toBe(6);
    const ended = await collected(
      orderFor(`${dir}`, globs(`${dir}`, "*.log"), { grep: "^(one|two|no end)$", lines: 2 }),
    );
    expect(ended.printed).toBe("two\r\nno end");
  });

  test("log collector: the last line of one file and the first of the next stay separate without a line feed", async () => {
    using dir = temporaryDir();
    writeLog(join(`${dir}`, "a.log"), "open", 10);
    writeLog(join(`${dir}`, "b.log"), "next\n");
    const order = orderFor(`${dir}`, globs(`${dir}`, "*.log"));
    const { printed, collected: facts } = await collected(order);
    expect(printed).toBe("open\nnext\n");
    expect(facts.files.map(({ lines }) => lines)).toEqual([1, 1]);
  });

  test("may be one line of a hundred megabytes", async () => {
    using dir = temporaryDir();
    const line = Buffer.alloc(100_000_000, "x");
    writeFileSync(join(`${dir}`, "a.log"), Buffer.concat([Buffer.from("first\nneedle "), line]));
    const source = globs(`${dir}`, "a.log");
    const order = {
      ...orderFor(`${dir}`, source, { lines: 1, grep: "^needle x" }),
      inline_bytes: 5,
    };
    const { collected: facts, printed } = await collected(order);
    expect(facts).toMatchObject({ lines: 1, bytes: line.length + 7, file: order.output });
    expect(printed).toBe("");
    const none = await collected(orderFor(`${dir}`, source, { grep: "xEND" }));
    expect(none.collected.lines).toBe(0);
  }, 30_000);
});

describe("files that cannot be read", () => {
  test("log collector: a pattern without matches returns no files", async () => {
    using dir = temporaryDir();
    const { collected: facts, printed } = await collected(
      orderFor(`${dir}`, globs(`${dir}`, "*.log", "none/**/*.log")),
    );
    expect(printed).toBe("");
    expect(facts).toMatchObject({ lines: 0, bytes: 0, files: [] });
    expect(facts).not.toHaveProperty("skipped");
  });

  test("hold nobody up and are named: FIFOs, links that lead nowhere, damaged ones", async () => {
    using dir = temporaryDir();
    expect(spawnSync("mkfifo", [join(`${dir}`, "fifo.log")]).status).toBe(0);
    symlinkSync("loop.log", join(`${dir}`, "loop.log"));
    symlinkSync("/dev/zero", join(`${dir}`, "device.log"));
    symlinkSync("gone", join(`${dir}`, "dangling.log"));
    mkdirSync(join(`${dir}`, "dir.log"));
    writeFileSync(join(`${dir}`, "old.log.xz"), "…");
    writeFileSync(join(`${dir}`, "bad.log.gz"), gzipSync(count(1, 9_999)).subarray(0, 9_000));
    // Files are read in the order of their last change: two of the same instant have none.
    utimesSync(join(`${dir}`, "bad.log.gz"), 1_000, 1_000);
    writeLog(join(`${dir}`, "good.log"), "good\n");
    symlinkSync("good.log", join(`${dir}`, "again.log"));
    const order = orderFor(`${dir}`, globs(`${dir}`, "*.log*"));
    const { collected: facts, printed } = await collected(order);
    expect(printed).toEndWith("\ngood\n");
    expect(facts.files.filter(({ path }) => /(good|again)\.log$/.test(path))).toHaveLength(1);
    const reasons = Object.fromEntries(
      (facts.skipped ?? []).map(({ path, reason }) => [path.slice(dir.length + 1), reason]),
    );
    expect(Object.keys(reasons).sort()).toEqual([
      ...["bad.log.gz", "dangling.log", "device.log", "fifo.log", "loop.log", "old.log.xz"],
    ]);
    expect(reasons["fifo.log"]).toMatch(/is not a regular file/);
    expect(reasons["bad.log.gz"]).toMatch(/cannot be read to its end: unexpected end of file/);
    expect(reasons["old.log.xz"]).toMatch(/only .gz is supported/);
  });

  test("log collector: fails if no file of the source can be read", async () => {
    using dir = temporaryDir();
    const absent = collected(orderFor(`${dir}`, globs(`${dir}`, "absent.log")));
    expect(absent).rejects.toThrow(/^Cannot read .*absent\.log: .*ENOENT/);
    await absent.catch(() => {});
    writeFileSync(join(`${dir}`, "bad.gz"), "not compressed at all");
    const bad = collected(orderFor(`${dir}`, globs(`${dir}`, "*.gz")));
    expect(bad).rejects.toThrow(/^Cannot read .*bad\.gz: cannot be read to its end/);
    await bad.catch(() => {});
  });
});

const isRoot = process.getuid?.() === 0;

test.if(isRoot)("a stranger's link to another's file is not followed", async () => {
  using dir = temporaryDir();
  const secret = writeLog(join(`${dir}`, "secret"), "secret\n");
  writeLog(join(`${dir}`, "own.log"), "own\n");
  chownSync(join(`${dir}`, "own.log"), 65534, 65534);
  mkdirSync(join(`${dir}`, "sub"));
  symlinkSync(secret, join(`${dir}`, "a.log"));
  symlinkSync("own.log", join(`${dir}`, "b.log"));
  symlinkSync(secret, join(`${dir}`, "c.log"));
  symlinkSync(`${dir}`, join(`${dir}`, "sub", "up"));
  for (const link of ["a.log", "b.log", "sub/up"]) lchownSync(join(`${dir}`, link), 65534, 65534);
  const order = orderFor(`${dir}`, globs(`${dir}`, "*.log", "sub/up/secret"));
  const { printed, collected: facts } = await collected(order);
  expect(printed.split("\n").sort()).toEqual(["", "own", "secret"]);
  expect(facts.skipped?.map(({ path }) => path.slice(dir.length + 1)).sort()).toEqual([
    ...["a.log", "sub/up/secret"],
  ]);
  expect(facts.skipped?.[0]?.reason).toMatch(/is not followed: the link belongs to neither root/);
});

describe("a large result", () => {
  test("is stored, with what is known of it, and not printed", async () => {
    using dir = temporaryDir();
    writeLog(join(`${dir}`, "a.log"), count(1, 100));
    const order = { ...orderFor(`${dir}`, globs(`${dir}`, "a.log")), inline_bytes: 291 };
    const seen: unknown[] = [];
    const store = async (path: string, facts: object) => {
      seen.push(path, facts);
      return { id: "abc" };
    };
    const { collected: facts, printed, written } = await collected(order, { store });
    expect(printed).toBe("");
    expect(written).toBe(count(1, 100));
    expect(facts).toMatchObject({ artifact: { id: "abc" } });
    expect(facts).not.toHaveProperty("file");
    expect(seen).toEqual([order.output, { lines: 100, bytes: 292, sha256: facts.sha256 }]);
    const small = await collected({ ...order, inline_bytes: 292 }, { store });
    expect(small.printed).toBe(written);
    expect(small.collected).not.toHaveProperty("file");
    expect(seen).toHaveLength(2);
  });

  test("log collector: a result over the size limit fails with the reason", async () => {
    using dir = temporaryDir();
    writeLog(join(`${dir}`, "a.log"), count(1, 100));
    const run = collected(orderFor(`${dir}`, globs(`${dir}`, "a.log")), { outputBytesMax: 100 });
    expect(run).rejects.toThrow(/The result has more than 100 bytes: limit it/);
    await run.catch(() => {});
  });
});
