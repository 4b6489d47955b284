import { expect, test } from "bun:test";
import { DirectoryCleanup } from "../../../lib/agent/supervisor/directoryCleanup.ts";
import { FaultGuard } from "../../../lib/log/faultGuard.ts";
import { silentLog } from "../../../lib/log/log.ts";

function inHand() {
  const lines: string[] = [];
  const time = { now: 0 };
  const log = { ...silentLog, error: (text: string) => void lines.push(text) };
  return { lines, time, aside: new FaultGuard(log, () => time.now) };
}

const fail = () => {
  throw new Error("EBUSY: resource busy");
};

test("fault guard: a repeated error is logged once an hour and not thrown", () => {
  const { lines, time, aside } = inHand();
  for (let minute = 0; minute < 90; minute++) {
    time.now = minute * 60_000;
    expect(aside.attempt("remove a", fail)).toBe(false);
  }
  expect(lines).toEqual(Array(2).fill("Cannot remove a: EBUSY: resource busy"));
});

test("fault guard: an error after a success is logged again", () => {
  const { lines, aside } = inHand();
  aside.attempt("remove a", fail);
  expect(aside.attempt("remove a", () => {})).toBe(true);
  aside.attempt("remove a", fail);
  expect(lines).toHaveLength(2);
});

test("fault guard: memory is bounded for any number of operations", () => {
  const { lines, aside } = inHand();
  for (let index = 0; index < 2_000; index++) aside.attempt(`remove ${index}`, fail);
  aside.attempt("remove 0", fail);
  aside.attempt("remove 1999", fail);
  expect(lines).toHaveLength(2_001);
});

test("a directory that cannot be removed is tried again until it is gone", () => {
  const { aside } = inHand();
  const stuck = new Set(["b"]);
  const removed: string[] = [];
  const rings: (() => void)[] = [];
  const leftovers = new DirectoryCleanup({
    aside,
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
