import { expect, test } from "bun:test";
import { FaultSeries } from "../../../lib/log/faultSeries.ts";
import { type Log, type LogFields, silentLog } from "../../../lib/log/log.ts";

test("an error that repeats is one line, a count each minute, and one line when it is over", () => {
  const lines: string[] = [];
  const add = (text: string, fields?: LogFields) =>
    void lines.push(fields === undefined ? text : `${text} ${JSON.stringify(fields)}`);
  const log: Log = { ...silentLog, error: add, info: add };
  const rings: (() => void)[] = [];
  const after = (_ms: number, run: () => void) => {
    rings.push(run);
    return () => void rings.splice(rings.indexOf(run), 1);
  };
  const ring = () => rings.shift()?.();
  const faults = new FaultSeries(log, { after }, "written again");
  faults.succeeded();
  expect(lines).toEqual([]);
  for (let count = 0; count < 100; count++) faults.failed("Cannot write");
  expect(lines.splice(0)).toEqual(["Cannot write"]);
  ring();
  expect(lines.splice(0)).toEqual(["Cannot write (99 more times within a minute)"]);
  ring();
  expect(lines).toEqual([]);
  faults.failed("Cannot write");
  expect(lines.splice(0)).toEqual(["Cannot write"]);
  faults.succeeded();
  expect(lines).toEqual(['written again {"failures":101}']);
  expect(rings).toEqual([]);
});
