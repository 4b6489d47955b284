/** A control plane that dies between making a token and making its agent known. */
import { expect, test } from "bun:test";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import "../support/processes/processes.ts";
import { World } from "./world.ts";

test("the agent of a token is known after the next start, and can be revoked", async () => {
  await using world = await World.start({ agents: [] });
  await world.control.kill();
  const dying = await world.serve("control_before_commit:1");
  await world.register("half");
  expect(await dying.exited).toBe(137);
  await world.serve();
  expect((await world.nearClient.agents()).map(({ agent_id }) => agent_id)).toEqual(["half"]);
  await world.nearClient.revokeAgent("half");
  const tokens = await world.nearClient.tokens();
  const ofAgent = tokens.filter(({ agent_id }) => agent_id === "half");
  expect(ofAgent.map(({ state }) => state)).toEqual(["revoked"]);
  await world.control.kill();
  // Of a token that is over nobody asks what it was narrowed to.
  const db = new DatabaseSync(join(world.dataDir, "index.db"));
  db.exec("UPDATE tokens SET terms = '{damaged' WHERE revoked_at IS NOT NULL");
  db.close();
  await world.serve();
});
