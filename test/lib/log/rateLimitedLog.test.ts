import { expect, test } from "bun:test";
import { type Log, silentLog } from "../../../lib/log/log.ts";
import { rateLimitedLog } from "../../../lib/log/rateLimitedLog.ts";

test("lines beyond so many in a minute are left out, and one line says how many", () => {
  const lines: string[] = [];
  const summaries: unknown[] = [];
  const say = (text: string, fields?: object) => {
    lines.push(text);
    if (fields !== undefined) summaries.push(fields);
  };
  const log: Log = { ...silentLog, warn: say, error: say };
  let now = 0;
  const rings: { at: number; run: () => void }[] = [];
  const after = (ms: number, run: () => void) => {
    rings.push({ at: now + ms, run });
    return () => {};
  };
  const limited = rateLimitedLog(
    log,
    { now: () => now, after },
    { linesMax: 2, about: "guests", summary: (count) => ({ count }) },
  );
  for (let index = 0; index < 500; index++) {
    now = index;
    limited.warn(`refused ${index}`);
  }
  expect(lines).toEqual(["refused 0", "refused 1"]);
  expect(rings.map(({ at }) => at)).toEqual([60_000]);
  rings.shift()?.run();
  expect(lines.at(-1)).toStartWith("498 more log lines about guests");
  expect(summaries).toEqual([{ count: 498 }]);
  now = 60_000;
  limited.error("a fault");
  expect(lines).toHaveLength(4);
  expect(rings).toEqual([]);
});
