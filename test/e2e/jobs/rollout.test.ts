/** A job that goes out a part at a time, on the binary: who is sent what, and what stops it for certain. */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import type { OutcomeLine } from "../../../lib/protocol/api/views.ts";
import { jsonLines } from "../../support/processes/cli.ts";
import {
  connectedAgent,
  type Running,
  startServe,
  temporaryDir,
  wsctl,
} from "../../support/processes/processes.ts";
import { type RawAgent, Target } from "../../support/processes/target.ts";

setDefaultTimeout(60_000);

let target: Target;
let agents: RawAgent[];
beforeAll(async () => {
  target = await Target.start("binary");
  agents = await Promise.all(Array.from({ length: 6 }, () => target.agent()));
});
afterAll(() => target?.[Symbol.asyncDispose]());

const idsOf = () => agents.map(({ id }) => id);
const states = async (jobId: string) => {
  return (await target.requests(jobId)).map(({ state }) => state);
};

test("rollout: --batch limits how many requests run at a time", async () => {
  const { jobId, requestIds } = await target.send("work", idsOf(), { rollout: { batch: 2 } });
  await agents[0]?.command(requestIds[0] ?? "");
  await agents[1]?.command(requestIds[1] ?? "");
  expect(await states(jobId)).toEqual(["sent", "sent", "queued", "queued", "queued", "queued"]);
  agents[1]?.respond(requestIds[1] ?? "");
  await agents[2]?.command(requestIds[2] ?? "");
  const now = await states(jobId);
  expect(now).toEqual(["sent", "success", "sent", "queued", "queued", "queued"]);
  for (const [index, agent] of agents.entries()) {
    if (index === 1) continue;
    const requestId = requestIds[index] ?? "";
    await agent.command(requestId);
    agent.respond(requestId);
  }
  expect((await target.ended(jobId)).every(({ state }) => state === "success")).toBe(true);
});

test("one failure too many stops the rest for certain, and whoever has begun goes on", async () => {
  const more = { rollout: { batch: "34%", max_failures: 1 } };
  const { jobId, requestIds } = await target.send("work", idsOf(), more);
  const marks = agents.map(({ socket }) => socket.mark);
  const fail = async (index: number) => {
    const requestId = requestIds[index] ?? "";
    await agents[index]?.command(requestId);
    agents[index]?.respond(requestId, { status: "failed" });
  };
  await fail(0);
  await fail(1);
  await agents[2]?.command(requestIds[2] ?? "");
  await agents[3]?.command(requestIds[3] ?? "");
  agents[2]?.respond(requestIds[2] ?? "");
  agents[3]?.respond(requestIds[3] ?? "");
  const ended = await target.ended(jobId);
  const told = ended.map(({ state, code = "" }) => `${state} ${code}`.trim());
  expect(told).toEqual([
    ...["failed", "failed", "success", "success"],
    ...["cancelled CANCELLED", "cancelled CANCELLED"],
  ]);
  expect(ended[5]?.message).toBe("The rollout stopped after 2 failures; the request never started");
  // Whatever is on its way to the last two by now has come when they answer.
  for (const index of [4, 5]) {
    expect(await agents[index]?.isAlive()).toBe(true);
    const frames = agents[index]?.socket.frames.all.slice(marks[index]) ?? [];
    expect(frames.some(({ payload }) => payload.toString().includes('"command"'))).toBe(false);
  }
});

test("a restart of the control plane in the middle goes on where it stood", async () => {
  using dataDir = temporaryDir();
  let serving = await startServe({ dataDir });
  const ids = ["a1", "a2", "a3"];
  const running: Running[] = [];
  for (const id of ids) running.push(await connectedAgent({ dataDir, id }));
  try {
    const from = running[0]?.lines.length ?? 0;
    const words = ["send", "restart", "--agent", ids.join(","), "--batch", "1", "--json"];
    const options = ["--param", "delay_seconds=1", "--data-dir", `${dataDir}`];
    const sent = wsctl([...words, ...options]);
    await running[0]?.logged(/running command=restart/, from);
    await serving.process.kill();
    serving = await startServe({ dataDir, port: serving.port });
    const lines = jsonLines<OutcomeLine>(await sent);
    expect(lines.map(({ agent, outcome }) => `${agent} ${outcome}`)).toEqual([
      ...["a1 success", "a2 success", "a3 success"],
    ]);
  } finally {
    for (const agent of running) await agent[Symbol.asyncDispose]();
    await serving[Symbol.asyncDispose]();
  }
});

test("rollout: an invalid percentage is refused with the name of its flag", async () => {
  const { code, stderr } = await wsctl(["send", "ping", "--all", "--batch", "0"]);
  expect({ code, stderr }).toEqual({
    code: 2,
    stderr: 'wsctl: Flag --batch is "0": expected a number from 1, or a percentage such as 10%\n',
  });
});
