import { expect, test } from "bun:test";
import { type Attempt, countUnpaused } from "../../../lib/conformance/attempts.ts";

const plain = (at: number): Attempt => ({ at, headers: {} });
const offering = (at: number): Attempt => ({
  at,
  headers: { "sec-websocket-protocol": "wsctl.v1" },
});

test("an agent that retries at once is found, whether it offers a subprotocol or not", () => {
  expect(countUnpaused([0, 5, 10, 15, 20].map(plain))).toBe(2);
  expect(countUnpaused([0, 5, 10, 15, 20].map(offering))).toBe(2);
});

test("an agent that repeats each attempt without its offer pauses between attempts", () => {
  const attempts = [0, 60, 1_000].flatMap((at) => [offering(at), plain(at + 2)]);
  expect(countUnpaused(attempts)).toBe(0);
});

test("a declined offer hides no attempts that follow without a pause", () => {
  const attempts = [0, 20, 40, 60].flatMap((at) => [offering(at), plain(at + 2)]);
  expect(countUnpaused(attempts)).toBe(1);
  expect(countUnpaused([offering(0), plain(2), plain(4), plain(6), plain(8)])).toBe(1);
});

test("one short random pause among long ones is no fault", () => {
  expect(countUnpaused([0, 1_000, 1_003, 2_500, 2_600].map(plain))).toBe(0);
});
