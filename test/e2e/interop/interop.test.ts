import { expect, test } from "bun:test";
import { Stranger, strangerLanguages } from "../../support/clients/foreignPeer.ts";
import { standardText } from "../../support/fixtures/standard.ts";
import { startAgent, temporaryDir } from "../../support/processes/processes.ts";
import { strangerAgentSuite } from "./foreignAgent.ts";
import { strangerControlSuite } from "./foreignControl.ts";

for (const language of strangerLanguages()) {
  strangerAgentSuite("binary", language);
  strangerControlSuite("binary", language);
}

strangerAgentSuite("deno", "node");
strangerControlSuite("deno", "node");

test("a stranger's library that agrees to any subprotocol gets the standard", async () => {
  using dataDir = temporaryDir();
  await using control = new Stranger("node", "foreignControl", ["0", "defaults"]);
  const { port = 0 } = await control.event("listening");
  const args = ["--server", `ws://127.0.0.1:${port}`, "--heartbeat", "1s"];
  const env = { WSCTL_TOKEN: "anything" };
  await using agent = startAgent({ dataDir, id: "web-1", args, env });
  await control.message("heartbeat", ({ type }) => type === "heartbeat");
  control.say(standardText("command", { command: "ping" }, "first"));
  const { payload } = await control.message("answer", (message) => message.request_id === "first");
  expect(payload).toEqual({ status: "success", message: "pong" });
  expect(agent.hasExited).toBe(false);
});
