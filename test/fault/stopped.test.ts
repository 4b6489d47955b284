/** A process that stands still for longer than it may be silent, as on a host that is suspended. */
import { expect, test } from "bun:test";
import { setTimeout as pause } from "node:timers/promises";
import { answerGraceMs } from "../../lib/protocol/limits.ts";
import { flavours } from "../support/processes/processes.ts";
import { Target } from "../support/processes/target.ts";
import { within } from "./waits.ts";
import { World } from "./world.ts";

// Three missed heartbeats and the last chance after them make 5 seconds.
const heartbeat = "1s";
const stillMs = 8_000;
const wish = { timeout: 30, ttl: 60 };

test("an agent that stood still goes on where it was, and runs nothing twice", async () => {
  await using world = await World.start({ heartbeat });
  const agent = world.agent("web-1");
  const seen = agent.lines.length;
  const underWay = world.send("web-1", { ...wish, waitMs: 1_000 });
  await agent.logged(/running/, seen);
  agent.signal("SIGSTOP");
  const waiting = Promise.all([1, 2, 3].map(() => world.send("web-1", wish)));
  await pause(stillMs);
  expect((await world.client.agent("web-1")).online).toBe(false);
  agent.signal("SIGCONT");
  const told = await within(60_000, "the outcomes", Promise.all([underWay, waiting]));
  expect(told.flat()).toEqual(Array(4).fill("success"));
  expect(await world.finish()).toMatchObject({ counts: { success: 4 }, ran: 4 });
}, 90_000);

test("pause: a control plane continues after SIGSTOP and SIGCONT", async () => {
  await using world = await World.start({ heartbeat, agents: ["web-1", "web-2"] });
  const seen = world.agent("web-1").lines.length;
  const underWay = world.send("web-1", { ...wish, waitMs: 1_000 });
  await world.agent("web-1").logged(/running/, seen);
  world.control.signal("SIGSTOP");
  const waiting = Promise.all(["web-1", "web-2"].map((id) => world.send(id, wish)));
  await world.agent("web-1").logged(/connection lost .*silent/, seen);
  await pause(stillMs - 5_000);
  world.control.signal("SIGCONT");
  const told = await within(60_000, "the outcomes", Promise.all([underWay, waiting]));
  expect(told.flat()).toEqual(Array(3).fill("success"));
  expect(await world.finish()).toMatchObject({ counts: { success: 3 }, ran: 3 });
}, 90_000);

test.each(flavours)(
  "a control plane (%s) that stood still past a deadline takes the answer that lies in its socket",
  async (flavour) => {
    await using target = await Target.start(flavour);
    await using agent = await target.agent();
    const timeoutMs = 1_000;
    const { jobId, requestIds } = await target.send("ping", [agent.id], {
      timeout_seconds: timeoutMs / 1000,
    });
    const requestId = requestIds[0] ?? "";
    await agent.command(requestId);
    target.serving.process.signal("SIGSTOP");
    agent.respond(requestId);
    await pause(timeoutMs + answerGraceMs + 2_000);
    target.serving.process.signal("SIGCONT");
    const [request] = await target.ended(jobId);
    expect(request).toMatchObject({ state: "success" });
  },
  60_000,
);
