/** Damaged logs: each is refused by name, or gives the right entries. */
import { expect, test } from "bun:test";
import { damages } from "./damage.ts";
import { damageLogs } from "./run.ts";

const fixedLogs = 4_000;
const freshLogs = 2_000;

test(`${fixedLogs} damaged logs are refused by name, or give the right entries`, () => {
  const { failure, met } = damageLogs(0, fixedLogs);
  // To see it again: bun run test/fuzz/log/main.ts --from SEED --logs 1
  expect(failure).toBeUndefined();
  const wanted = [...Object.keys(damages), "refused", "whole", "a part"];
  expect(wanted.filter((what) => !met.has(what))).toEqual([]);
});

test(`so are ${freshLogs} that nobody has seen`, () => {
  const first = 1_000_000 + (Math.floor(Date.now() / 1000) % 1_000_000) * 10_000;
  expect(damageLogs(first, freshLogs).failure).toBeUndefined();
});
