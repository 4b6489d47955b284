import { expect, test } from "bun:test";
import { ping } from "../../../../lib/agent/commands/ping.ts";
import { facts } from "./facts.ts";

test("ping answers with pong", async () => {
  const { signal } = new AbortController();
  expect(await ping.run({}, { signal, host: facts })).toEqual({
    status: "success",
    message: "pong",
  });
});
