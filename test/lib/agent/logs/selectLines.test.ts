/** The collector against a plain telling of what it should do, on random logs. */
import { expect, test } from "bun:test";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import * as fc from "fast-check";
import { parseTime } from "../../../../lib/agent/logs/parseTime.ts";
import { RingBuffer } from "../../../../lib/agent/logs/ringBuffer.ts";
import { collected, orderFor, writeLog } from "../../../support/harness/collecting.ts";
import { temporaryDir } from "../../../support/processes/processes.ts";

const now = Date.now();
const stamp = (minute: number) => new Date(now - minute * 60_000).toISOString();

interface Line {
  /** Minutes ago; undefined for a line that does not say. */
  minute: number | undefined;
  text: string;
}

const line: fc.Arbitrary<Line> = fc.record({
  minute: fc.option(fc.integer({ min: 1, max: 9 }), { nil: undefined }),
  text: fc.stringMatching(/^[ab]{0,4}$/),
});
const file = fc.record({ lines: fc.array(line, { maxLength: 12 }), isZipped: fc.boolean() });
interface Asked {
  lines?: string | number;
  since?: string;
  until?: string;
  grep?: string;
}

const question: fc.Arbitrary<Asked> = fc.record(
  {
    lines: fc.oneof(fc.constant("all"), fc.integer({ min: 1, max: 12 })),
    since: fc.integer({ min: 1, max: 9 }).map((minute) => stamp(minute + 0.5)),
    until: fc.integer({ min: 1, max: 9 }).map((minute) => stamp(minute + 0.5)),
    grep: fc.constantFrom("a", "b$", "^a*$", "Z a"),
  },
  { requiredKeys: [] },
);

const textOf = ({ minute, text }: Line) =>
  minute === undefined ? `${text}\n` : `${stamp(minute)} ${text}\n`;

function expected(files: { lines: Line[] }[], asked: Asked): string {
  const { since = "9d", until = "0s", grep = "", lines = 1_000 } = asked;
  const [from = 0, to = 0] = [parseTime(since, now), parseTime(until, now)];
  const isTimed = asked.since !== undefined || asked.until !== undefined;
  const found = files.flatMap((each) => {
    let isWithin = false;
    return each.lines.filter(({ minute, text }) => {
      const time = minute === undefined ? undefined : Date.parse(stamp(minute));
      if (time !== undefined) isWithin = time >= from && time <= to;
      const shown = minute === undefined ? text : `${stamp(minute)} ${text}`;
      return (isWithin || !isTimed) && new RegExp(grep).test(shown);
    });
  });
  return (lines === "all" ? found : found.slice(-Number(lines))).map(textOf).join("");
}

test("selectLines(): agrees with a simple reference implementation for random files and filters", async () => {
  const property = fc.asyncProperty(
    fc.array(file, { maxLength: 4 }),
    question,
    async (files, asked) => {
      using dir = temporaryDir();
      files.forEach(({ lines, isZipped }, index) => {
        const text = lines.map(textOf).join("");
        const name = `${index}.log${isZipped ? ".gz" : ""}`;
        writeLog(join(`${dir}`, name), isZipped ? gzipSync(text) : text, 100 - index);
      });
      const source = { kind: "files", files: [join(`${dir}`, "*.log*")] };
      const { printed } = await collected(orderFor(`${dir}`, source, asked), { now: () => now });
      expect(printed).toBe(expected(files, asked));
    },
  );
  await fc.assert(property, { numRuns: 300 });
});

test("selectLines: finds the latest and the earliest timestamp of many lines", () => {
  const last = new RingBuffer(3);
  expect(last.earliest(2)).toBeUndefined();
  for (const number of [1, 2, 3, 4, 5]) last.add(number);
  expect([1, 2, 3, 9].map((most) => last.earliest(most))).toEqual([5, 4, 3, 3]);
  last.clear();
  expect(last.size).toBe(0);
});
