/** The collector behind `fetch_logs`, as the process that an agent starts. */
import { describe, expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import {
  chmodSync,
  closeSync,
  mkdirSync,
  openSync,
  readFileSync,
  statSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { orderFor, writeLog } from "../../support/harness/collecting.ts";
import { Collector } from "../../support/processes/collector.ts";
import { flavours, temporaryDir, wsctl } from "../../support/processes/processes.ts";
import { isAlive } from "../../support/processes/programs.ts";

const shell = (script: string) => ({ kind: "command", argv: ["/bin/sh", "-c", script] });
const hour = 3_600;

/** What a process has read so far, and the most memory it has had, in bytes. */
function costs(pid: number): { readBytes: number; peakBytes: number } {
  const [, read] = /^rchar: (\d+)/m.exec(readFileSync(`/proc/${pid}/io`, "utf8")) ?? [];
  const [, peak] = /^VmHWM:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, "utf8")) ?? [];
  return { readBytes: Number(read), peakBytes: Number(peak) * 1024 };
}

describe.each(flavours)("on %s", (flavour) => {
  test("prints the lines and, last, what they are", async () => {
    using dir = temporaryDir();
    const path = writeLog(join(`${dir}`, "a.log"), "one\ntwo\nno end");
    const order = orderFor(`${dir}`, { kind: "files", files: [path] }, { lines: 2 });
    await using collector = new Collector(order, { flavour });
    const { lines, collected } = await collector.answer();
    expect(lines).toBe("two\nno end\n");
    expect(collected).toMatchObject({ lines: 2, bytes: 10, files: [{ path, lines: 2 }] });
    expect(statSync(order.output).mode & 0o777).toBe(0o600);
  });

  test("follows what is added, until it is told to end", async () => {
    using dir = temporaryDir();
    const path = writeLog(join(`${dir}`, "a.log"), "one\nskip\nbeg");
    const source = { kind: "files", files: [join(`${dir}`, "*.log")] };
    const order = orderFor(`${dir}`, source, { follow: hour, grep: "^[a-z]+$", lines: 5 });
    await using collector = new Collector(order, { flavour });
    await collector.printed("one\nskip\n");
    writeFileSync(path, "in\n123\nnext\n", { flag: "a" });
    await collector.printed("begin\nnext\n");
    writeFileSync(join(`${dir}`, "new.log"), "joined\nopen");
    await collector.printed("joined\n");
    collector.signal("SIGTERM");
    const { lines, collected } = await collector.answer();
    expect(lines).toBe("one\nskip\nbegin\nnext\njoined\nopen\n");
    expect(collected).toMatchObject({ lines: 6, bytes: lines.length - 1, stopped: true });
    expect(readFileSync(order.output, "utf8")).toBe(lines.slice(0, -1));
  });

  test("reads programs to their end, both streams, and says how one failed", async () => {
    using dir = temporaryDir();
    const order = orderFor(`${dir}`, shell("echo out; echo err >&2; printf last"));
    await using collector = new Collector(order, { flavour });
    const { lines, collected } = await collector.answer();
    expect(lines.trim().split("\n").sort()).toEqual(["err", "last", "out"]);
    expect(collected).toMatchObject({ lines: 3, files: [] });
    const failing = orderFor(`${dir}`, shell("echo some; echo no such container >&2; exit 4"));
    await using failed = new Collector(failing, { flavour });
    expect(await failed.exited).toBe(1);
    expect(failed.stderr).toMatch(/ended with status 4: no such container\n$/);
    expect(failed.stdout).toBe("");
  });
});

test("the last lines of ten gigabytes cost little time and little memory", async () => {
  using dir = temporaryDir();
  const path = join(`${dir}`, "huge.log");
  const fd = openSync(path, "w");
  const tail = Array.from({ length: 2_000 }, (_, index) => `\nline ${index}`).join("");
  writeSync(fd, Buffer.from(tail), 0, tail.length, 10 * 1024 ** 3);
  closeSync(fd);
  const order = orderFor(`${dir}`, { kind: "files", files: [path] }, { follow: hour });
  await using collector = new Collector(order);
  // A line that is not ended yet belongs to what is followed.
  await collector.printed("line 1998\n");
  const { readBytes, peakBytes } = costs(collector.pid);
  expect(readBytes).toBeLessThan(16 * 1024 * 1024);
  expect(peakBytes).toBeLessThan(200 * 1024 * 1024);
  collector.signal("SIGTERM");
  expect((await collector.answer()).collected.lines).toBe(1_001);
});

test("rotation is followed, be it by renaming, by emptying or by copying and emptying", async () => {
  using dir = temporaryDir();
  const path = writeLog(join(`${dir}`, "app.log"), `${"x".repeat(100)}\n`);
  const source = { kind: "files", files: [join(`${dir}`, "app.log*")] };
  const order = orderFor(`${dir}`, source, { follow: hour, lines: 1 });
  await using collector = new Collector(order);
  const append = (text: string) => writeFileSync(path, text, { flag: "a" });
  await collector.printed("xxx\n");
  spawnSync("mv", [path, `${path}.1`]);
  writeFileSync(`${path}.1`, "late\n", { flag: "a" });
  append(`first of the new ${"y".repeat(100)}\n`);
  await collector.printed("late\n");
  await collector.printed("yyy\n");
  spawnSync("cp", [path, `${path}.2`]);
  writeFileSync(path, "");
  append("after emptying\n");
  await collector.printed("after emptying\n");
  spawnSync("mv", [path, `${path}.3`]);
  writeFileSync(`${path}.gz`, "no lines for anybody\n");
  append("last\n");
  await collector.printed("last\n");
  collector.signal("SIGTERM");
  const { lines } = await collector.answer();
  expect(lines.split("\n").map((line) => line.replace(/([xy])+/, "$1"))).toEqual([
    ...["x", "late", "first of the new y", "after emptying", "last", ""],
  ]);
});

test("following ends by itself when its time is up", async () => {
  using dir = temporaryDir();
  const path = writeLog(join(`${dir}`, "a.log"), "one\n");
  const files = [path, join(`${dir}`, "absent.log")];
  await using collector = new Collector(
    orderFor(`${dir}`, { kind: "files", files }, { follow: 1 }),
  );
  const { lines, collected } = await collector.answer();
  expect(lines).toBe("one\n");
  expect(collected).not.toHaveProperty("stopped");
  expect(collected).not.toHaveProperty("skipped");
});

test("a file of another user's is named, and fails it only if it is the only one", async () => {
  using dir = temporaryDir();
  chmodSync(`${dir}`, 0o777);
  const closed = writeLog(join(`${dir}`, "closed.log"), "secret\n");
  chmodSync(closed, 0o600);
  const isRoot = process.getuid?.() === 0;
  if (!isRoot) chmodSync(closed, 0);
  const before = isRoot ? ["runuser", "-u", "nobody", "--"] : [];
  const order = orderFor(`${dir}`, { kind: "files", files: [join(`${dir}`, "*.log")] });
  await using alone = new Collector(order, { before });
  expect(await alone.exited).toBe(1);
  expect(alone.stderr).toMatch(/^wsctl: Cannot read .*closed\.log: /);
  writeLog(join(`${dir}`, "open.log"), "open\n");
  await using other = new Collector(order, { before });
  const { lines, collected } = await other.answer();
  expect(lines).toBe("open\n");
  expect(collected.skipped).toMatchObject([{ path: closed }]);
});

describe("a program", () => {
  test("that floods costs no more than its room, and its last lines are its last", async () => {
    using dir = temporaryDir();
    const flood = "seq 1 3000000; echo end";
    await using collector = new Collector(orderFor(`${dir}`, shell(flood), { lines: 3 }));
    expect((await collector.answer()).lines).toBe("2999999\n3000000\nend\n");
  });

  test("that never ends is stopped with its children, and what it said is kept", async () => {
    using dir = temporaryDir();
    const mark = join(`${dir}`, "pid");
    const script = `sleep 600 & echo $! > ${mark}; trap '' TERM; echo said; sleep 600; sleep 600`;
    await using collector = new Collector(orderFor(`${dir}`, shell(script)));
    while (spawnSync("test", ["-s", mark]).status !== 0) await Bun.sleep(20);
    await Bun.sleep(100);
    collector.signal("SIGTERM");
    const { lines, collected } = await collector.answer();
    expect(lines).toBe("said\n");
    expect(collected.stopped).toBe(true);
    expect(isAlive(Number(readFileSync(mark, "utf8")))).toBe(false);
  });

  test("is followed by another, whose end is no harm", async () => {
    using dir = temporaryDir();
    const follow_argv = ["/bin/sh", "-c", "echo more; echo noise >&2; sleep 600"];
    const source = { ...shell("printf before"), follow_argv };
    const order = orderFor(`${dir}`, source, { follow: hour, grep: "e" });
    await using collector = new Collector(order);
    await collector.printed("before");
    await collector.printed("more\n");
    await collector.printed("noise\n");
    collector.signal("SIGTERM");
    expect((await collector.answer()).collected.lines).toBe(3);
    const broken = { ...source, follow_argv: ["/bin/sh", "-c", "echo gone >&2; exit 1"] };
    await using ended = new Collector(orderFor(`${dir}`, broken, { follow: hour }));
    const { lines, collected } = await ended.answer();
    expect(lines).toBe("before\ngone\n");
    expect(collected.skipped?.[0]?.reason).toMatch(/ended with status 1: gone$/);
  });
});

test("the journal is read and followed through journalctl", async () => {
  using dir = temporaryDir();
  const said = join(`${dir}`, "arguments");
  const script = `#!/bin/sh
echo "$*" >> ${said}
echo a warning >&2
case "$*" in
  *--follow*) echo "2026-03-10T12:00:01+0000 host nginx[1]: added"; exec sleep 600;;
  *) echo "2026-03-10T12:00:00+0000 host nginx[1]: listening"; echo "2026-03-10T12:00:00+0000 other";;
esac
`;
  writeFileSync(join(`${dir}`, "journalctl"), script);
  chmodSync(join(`${dir}`, "journalctl"), 0o755);
  const source = { kind: "journal", unit: "nginx.service" };
  const parameters = { follow: hour, grep: "nginx", since: "2026-03-10" };
  const order = orderFor(`${dir}`, source, parameters);
  await using collector = new Collector(order, {
    env: { PATH: `${dir}:${process.env.PATH}` },
  });
  await collector.printed("added\n");
  collector.signal("SIGTERM");
  const { lines, collected } = await collector.answer();
  expect(lines).toBe(
    "2026-03-10T12:00:00+0000 host nginx[1]: listening\n2026-03-10T12:00:01+0000 host nginx[1]: added\n",
  );
  expect(collected.lines).toBe(2);
  const [first = "", second = ""] = readFileSync(said, "utf8").split("\n");
  expect(first).toMatch(/^-u nginx.service -o short-iso --no-pager -q --since=@1773100800.000 /);
  expect(second).toMatch(/ --follow --no-tail --since=@/);
  // It goes on where the reading ended.
  expect(second.replace(/.*--since/, "")).toBe(first.replace(/.*--until/, ""));
});

test("a collection request with a wrong form is refused, and the error says what is wrong", async () => {
  const refused = await wsctl(["internal", "collect"], { stdin: '{"source": {"kind": "files"}}' });
  expect(refused.code).toBe(2);
  expect(refused.stderr).toMatch(/^wsctl: Invalid request: source\.name is missing/);
  expect((await wsctl(["internal", "collect"], { stdin: "no" })).code).toBe(2);
  expect((await wsctl(["--help"])).stdout).not.toContain("collect");
});

test("manifests of logs are checked with the others", async () => {
  using dir = temporaryDir();
  const [logs, services] = [join(`${dir}`, "logs.d"), join(`${dir}`, "services.d")];
  for (const each of [logs, services]) mkdirSync(each);
  writeFileSync(join(logs, "good.toml"), 'files = ["/var/log/*.log"]');
  writeFileSync(join(logs, "bad.toml"), 'files = ["relative.log"]');
  writeFileSync(join(services, "good.toml"), 'description = "the web server"\nunit = "nginx"');
  const at = ["--commands-dir", join(`${dir}`, "none"), "--services-dir", services];
  const { code, stdout } = await wsctl(["commands", "lint", "--logs-dir", logs, ...at]);
  expect(code).toBe(1);
  expect(stdout.split("\n")).toEqual([
    "ok    services.d/good.toml: good",
    "FAIL  logs.d/bad.toml: files.0 must be an absolute path",
    "ok    logs.d/good.toml: good",
    "",
  ]);
});
