import { expect, test } from "bun:test";
import { ping } from "../../../../lib/agent/commands/ping.ts";
import { contextWith } from "./facts.ts";

test("ping answers with pong", async () => {
  expect(await ping.run({}, contextWith())).toEqual({
    status: "success",
    message: "pong",
  });
});
