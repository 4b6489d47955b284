/** An agent that is killed between the record of a start and the start loses no request. */
import { expect, test } from "bun:test";
import type { OutcomeLine } from "../../lib/protocol/api/views.ts";
import {
  connectedAgent,
  Running,
  startServe,
  temporaryDir,
  wsctl,
} from "../support/processes/processes.ts";
import { testBinary } from "./world.ts";

test("a program that an agent was killed before it started is an error, and never lost", async () => {
  using dir = temporaryDir();
  await using _ = await startServe({ dataDir: dir });
  const args = ["--allow-exec", "**"];
  const flags = ["agent", "--id", "a", "--data-dir", `${dir}`, ...args];
  const dying = new Running([testBinary, ...flags], {
    env: { WSCTL_FAILPOINT: "agent_before_run:1" },
  });
  await dying.logged(/ connected/);
  const sent = wsctl(["exec", "--agent", "a", "--json", "--data-dir", `${dir}`, "--", "true"]);
  expect(await dying.exited).toBe(137);
  await using __ = await connectedAgent({ dataDir: dir, id: "a", args });
  const outcome = JSON.parse((await sent).stdout) as OutcomeLine;
  expect(outcome).toMatchObject({ outcome: "error", code: "NOT_STARTED" });
});
