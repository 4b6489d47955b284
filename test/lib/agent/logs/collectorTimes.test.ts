import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import { collected, orderFor, writeLog } from "../../../support/harness/collecting.ts";
import { temporaryDir } from "../../../support/processes/processes.ts";

const now = Date.parse("2026-03-10T12:00:00Z");
/** As the formats without a zone have it: the host's time of the hours 10, 11 and 12. */
const hours = [10, 11, 12].map((hour) => new Date(Date.UTC(2026, 2, 10, hour)));
const two = (value: number) => String(value).padStart(2, "0");
const clock = (d: Date) => [d.getHours(), d.getMinutes(), d.getSeconds()].map(two).join(":");
const day = (d: Date) => two(d.getDate());
const month = (d: Date) => d.toLocaleString("en-US", { month: "short" });

const formats: [name: string, line: (date: Date) => string][] = [
  ["ISO 8601", (d) => `${d.toISOString()} x`],
  ["ISO 8601 with an offset", (d) => `${d.toISOString().slice(0, 19).replace("T", " ")}+00:00 x`],
  [
    "ISO 8601 without a zone",
    (d) => `${d.getFullYear()}-${two(d.getMonth() + 1)}-${day(d)} ${clock(d)} x`,
  ],
  ["syslog", (d) => `${month(d)} ${day(d)} ${clock(d)} host x`],
  [
    "nginx's access log",
    (d) => `::1 - - [10/Mar/2026:${two(d.getUTCHours())}:00:00 +0000] "GET /"`,
  ],
  [
    "nginx's error log",
    (d) => `${d.getFullYear()}/${two(d.getMonth() + 1)}/${day(d)} ${clock(d)} [error] x`,
  ],
  ["JSON", (d) => JSON.stringify({ level: "info", time: d.toISOString() })],
  ["JSON with seconds", (d) => JSON.stringify({ ts: d.getTime() / 1000, msg: "x" })],
  ["JSON with milliseconds", (d) => JSON.stringify({ "@timestamp": d.getTime() })],
];

describe.each(formats)("lines dated as in %s", (_name, line) => {
  test("are taken from since to until, with the lines that belong to them", async () => {
    using dir = temporaryDir();
    const [ten, eleven, twelve] = hours.map((date) => `${line(date)}\n\tat trace\nmore\n`);
    const path = writeLog(join(`${dir}`, "a.log"), `undated\n${ten}${eleven}${twelve}`);
    const source = { kind: "files", files: [path] };
    const get = async (parameters: object) => {
      const order = orderFor(`${dir}`, source, parameters);
      return (await collected(order, { now: () => now })).printed;
    };
    expect(await get({ since: "2026-03-10 10:30" })).toBe(`${eleven}${twelve}`);
    expect(await get({ until: "2026-03-10T11:00:00Z" })).toBe(`${ten}${eleven}`);
    expect(await get({ since: "90m", until: "30m", lines: "all" })).toBe(eleven as string);
    expect(await get({ since: "90m", lines: 2 })).toBe("\tat trace\nmore\n");
    expect(await get({ since: "90m", grep: "trace" })).toBe("\tat trace\n\tat trace\n");
    expect(await get({ since: "1m" })).toBe(twelve as string);
  });
});

test("lines before the first that is dated are counted and left out", async () => {
  using dir = temporaryDir();
  const path = writeLog(join(`${dir}`, "a.log"), "no\ntimes\n");
  const order = orderFor(`${dir}`, { kind: "files", files: [path] }, { since: "1h" });
  const { collected: facts, remarks } = await collected(order);
  expect(facts).toMatchObject({
    lines: 0,
    files: [{ path, lines: 0, lines_without_timestamp: 2 }],
  });
  expect(remarks).toEqual([
    `${path}: 2 lines were left out: no known time, and since and until need one`,
  ]);
});

test("files that were last written long before are not read", async () => {
  using dir = temporaryDir();
  const future = `${new Date(Date.now() + 3_600_000).toISOString()} x\n`;
  const path = writeLog(join(`${dir}`, "a.log"), future, 3 * 86_400);
  const order = orderFor(`${dir}`, { kind: "files", files: [path] }, { since: "1h" });
  expect((await collected(order)).collected.lines).toBe(0);
});
