import { expect, test } from "bun:test";
import { describeClose } from "../../../../lib/control/link/describeClose.ts";

test.each([
  [1000, "", "normal closure"],
  [1001, "", "the agent went away"],
  [1006, "", "the connection was lost"],
  [4999, "", "the agent closed the connection"],
  [1001, "updating", "updating"],
])("a close with the code %d and the reason %j means: %s", (code, reason, expected) => {
  expect(describeClose(code, reason)).toEqual({ code, reason: expected });
});
