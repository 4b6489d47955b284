import { expect, test } from "bun:test";
import { WaitingRoom } from "../../../../../lib/control/engine/outcomes/waitingRoom.ts";

test("what finds no room of its own waits in the common room, and leaves that first", () => {
  const common = new WaitingRoom(100);
  const [first, second] = [new WaitingRoom(10, common), new WaitingRoom(10, common)];
  expect(first.enter(10)).toBeTrue();
  expect(first.enter(80)).toBeTrue();
  expect(second.enter(30)).toBeFalse();
  expect(second.enter(20)).toBeTrue();
  expect(second.enter(10)).toBeTrue();
  expect(second.enter(1)).toBeFalse();
  first.leave(80);
  expect(second.enter(80)).toBeTrue();
  expect(first.enter(1)).toBeFalse();
  first.leave(10);
  expect(first.enter(10)).toBeTrue();
});
