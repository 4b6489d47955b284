import { expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { collected, orderFor, writeLog } from "../../../support/harness/collecting.ts";
import { temporaryDir } from "../../../support/processes/processes.ts";

const shell = (script: string) => ({ kind: "command", argv: ["/bin/sh", "-c", script] });

test("log collector: of a program's endless output the oldest lines are dropped, unless they are requested", async () => {
  using dir = temporaryDir();
  const flood = shell("seq 1 200000");
  const spoolBytesMax = 100_000;
  const last = await collected(orderFor(`${dir}`, flood, { lines: 5_000 }), { spoolBytesMax });
  expect(last.printed).toStartWith("195001\n");
  expect(last.printed).toEndWith("\n200000\n");
  expect(last.collected.lines).toBe(5_000);
  for (const lines of ["all", 100_000]) {
    const run = collected(orderFor(`${dir}`, flood, { lines }), { spoolBytesMax });
    expect(run).rejects.toThrow(/^The source has more than 100000 bytes: request fewer lines/);
    await run.catch(() => {});
  }
  // What does not match is not kept in the first place.
  const few = orderFor(`${dir}`, flood, { lines: "all", grep: "000$" });
  expect((await collected(few, { spoolBytesMax })).collected.lines).toBe(200);
  expect(readdirSync(`${dir}`)).toEqual(["collected"]);
});

test("log collector: a program is stopped when its output exceeds the limit", async () => {
  using dir = temporaryDir();
  const order = orderFor(`${dir}`, shell("yes"), { lines: "all" });
  const run = collected(order, { spoolBytesMax: 1_000_000 });
  expect(run).rejects.toThrow(/^The source has more than 1000000 bytes/);
  await run.catch(() => {});
});

test("times and patterns hold for the lines of programs too", async () => {
  using dir = temporaryDir();
  const script = [
    "echo 2026-03-10T10:00:00Z ten; echo more",
    "echo 2026-03-10T11:00:00Z eleven; echo more",
    "echo 2026-03-10T12:00:00Z twelve",
  ].join("; ");
  const asked = { since: "2026-03-10 10:30", until: "2026-03-10 11:30", grep: "e" };
  const { printed } = await collected(orderFor(`${dir}`, shell(script), asked));
  expect(printed).toBe("2026-03-10T11:00:00Z eleven\nmore\n");
});

test("a full disk is named", async () => {
  using dir = temporaryDir();
  const path = writeLog(join(`${dir}`, "a.log"), "line\n");
  const source = { kind: "files", files: [path] };
  const run = collected({ ...orderFor(`${dir}`, source), output: "/dev/full" });
  expect(run).rejects.toThrow(/^Cannot write \/dev\/full: .*ENOSPC/);
  await run.catch(() => {});
});
