/**
 * What the tests are given to break the product with is in no binary that anybody else is given.
 */
import { expect, test } from "bun:test";
import {
  connectedAgent,
  startServe,
  temporaryDir,
  wsctlCommand,
} from "../support/processes/processes.ts";
import { runTestBinary, World } from "./world.ts";

test("a production binary passes every failpoint and does not know append", async () => {
  using dataDir = temporaryDir();
  const [binary = ""] = wsctlCommand("binary");
  const points = ["agent_before_commit:1", "agent_before_run:1"];
  await using serving = await startServe({ dataDir: `${dataDir}` });
  const send = async (command: string, id: string, ...more: string[]) => {
    const args = ["send", command, "--agent", id, "--data-dir", `${dataDir}`, "--json", ...more];
    return JSON.parse((await runTestBinary(args, binary)).stdout);
  };
  for (const [index, WSCTL_FAILPOINT] of points.entries()) {
    const id = `web-${index}`;
    const env = { WSCTL_FAILPOINT };
    await using agent = await connectedAgent({ dataDir: `${dataDir}`, id, env });
    expect(await send("ping", id)).toMatchObject({ outcome: "success" });
    const params = ["--params", '{"file":"/tmp/never","line":"x"}'];
    const told = await send("append", id, ...params);
    expect(told).toMatchObject({ outcome: "error", code: "INVALID_COMMAND" });
    expect(agent.hasExited).toBe(false);
  }
  expect(serving.process.hasExited).toBe(false);
});

test("failpoints: the test binary does die at a failpoint", async () => {
  await using world = await World.start({ agents: [] });
  await world.register("web-1");
  expect(await world.startAgent("web-1", "agent_before_commit:1").exited).toBe(137);
});
