import { expect, test } from "bun:test";
import { DirectoryCleanup } from "../../../lib/agent/supervisor/directoryCleanup.ts";
import { FaultGuard } from "../../../lib/log/faultGuard.ts";
import { silentLog } from "../../../lib/log/log.ts";

function inHand() {
  const lines: string[] = [];
  const time = { now: 0 };
  const log = { ...silentLog, error: (text: string) => void lines.push(text) };
  return { lines, time, guard: new FaultGuard(log, () => time.now) };
}

const fail = () => {
  throw new Error("EBUSY: resource busy");
};

test("fault guard: a repeated error is logged once an hour and not thrown", () => {
  const { lines, time, guard } = inHand();
  for (let minute = 0; minute < 90; minute++) {
    time.now = minute * 60_000;
    expect(guard.attempt("remove a", fail)).toBe(false);
  }
  expect(lines).toEqual(Array(2).fill("Cannot remove a: EBUSY: resource busy"));
});

test("fault guard: an error after a success is logged again", () => {
  const { lines, guard } = inHand();
  guard.attempt("remove a", fail);
  expect(guard.attempt("remove a", () => {})).toBe(true);
  guard.attempt("remove a", fail);
  expect(lines).toHaveLength(2);
});

test("fault guard: memory is bounded for any number of operations", () => {
  const { lines, guard } = inHand();
  for (let index = 0; index < 2_000; index++) guard.attempt(`remove ${index}`, fail);
  guard.attempt("remove 0", fail);
  guard.attempt("remove 1999", fail);
  expect(lines).toHaveLength(2_001);
});

test("a directory that cannot be removed is tried again until it is gone", () => {
  const { guard } = inHand();
  const stuck = new Set(["b"]);
  const removed: string[] = [];
  const rings: (() => void)[] = [];
  const leftovers = new DirectoryCleanup({
    guard,
    clock: {
      after: (_ms, run) => {
        rings.push(run);
        return () => {};
      },
    },
    remove: (dir) => (stuck.has(dir) ? fail() : void removed.push(dir)),
  });
  for (const dir of ["a", "b", "c"]) leftovers.remove(dir);
  expect(removed).toEqual(["a", "c"]);
  rings.shift()?.();
  expect(removed).toEqual(["a", "c"]);
  stuck.clear();
  rings.shift()?.();
  expect(removed).toEqual(["a", "c", "b"]);
  expect(rings).toEqual([]);
});
