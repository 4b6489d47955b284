/** An agent that was away: what has not expired, in order, by priority, so many at a time. */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { inflightPerAgentMax } from "../../../lib/protocol/limits.ts";
import { standardText } from "../../support/fixtures/standard.ts";
import { RawAgent, Target } from "../../support/processes/target.ts";

setDefaultTimeout(60_000);

let target: Target;
beforeAll(async () => {
  target = await Target.start("binary");
});
afterAll(() => target?.[Symbol.asyncDispose]());

test("reconnect: queued requests are sent by priority and order, up to the in-flight limit", async () => {
  const { agent_id: id, token, token_id: tokenId } = await target.newAgent();
  const normal: string[] = [];
  for (let count = 0; count < 40; count++) {
    normal.push(...(await target.send("work", [id])).requestIds);
  }
  const low = (await target.send("work", [id], { priority: "low" })).requestIds;
  const last = await target.send("work", [id]);
  const high = (await target.send("work", [id], { priority: "high" })).requestIds;
  const short = await target.send("work", [id], { ttl_seconds: 1, priority: "high" });
  const [expired] = await target.ended(short.jobId);
  expect(expired).toMatchObject({ state: "expired", code: "EXPIRED" });
  const expected = [...high, ...normal, ...last.requestIds, ...low];
  await using agent = new RawAgent({ id, token, tokenId, socket: await target.connect(token) });
  const sent = () =>
    agent.socket.frames.all
      .map(({ payload }) => JSON.parse(payload.toString()))
      .filter(({ type }) => type === "command")
      .map(({ request_id: requestId }) => requestId as string);
  for (const [index, requestId] of expected.entries()) {
    await agent.command(requestId);
    // The agent is alive, and nothing more has come before it answers.
    if (index === 0) expect(await agent.isAlive()).toBe(true);
    expect(sent().length).toBeLessThanOrEqual(index + inflightPerAgentMax);
    agent.respond(requestId);
  }
  expect(sent()).toEqual(expected);
});

test("a second process under the same name is told of, where the first was still there", async () => {
  const { agent_id: id, token } = await target.newAgent();
  const connect = async (instance_id: string) => {
    const socket = await target.connect(token, ["Sec-WebSocket-Protocol: wsctl.v1"]);
    const memory = { journal_id: "new", epoch: 0 };
    const hostname = `${instance_id}-host`;
    const payload = { protocol_version: 1, version: "0.0.0", instance_id, hostname, ...memory };
    socket.text(standardText("hello", payload));
    await socket.message("welcome", ({ type }: { type: string }) => type === "welcome");
    return socket;
  };
  await using first = await connect("first");
  expect((await target.view(id)).replaced_at).toBeUndefined();
  await using _second = await connect("second");
  await first.closed;
  expect((await target.view(id)).replaced_at).toBeDefined();
  const { body } = await target.api("/api/v1/audit?limit=1000");
  expect(JSON.stringify(body)).toContain("agent.takeover");
  // Whoever was pushed out before and is there again was never gone: it is no restart.
  expect((await target.view(id)).duplicate_location).toBeUndefined();
  await using _again = await connect("first");
  expect((await target.view(id)).duplicate_location).toBe("second-host at 127.0.0.1");
  await target.serving.process.logged(
    /another process with this agent id runs on second-host at 127\.0\.0\.1/,
  );
});
