/** Everything a network does to a connection, between real processes. */
import { expect, test } from "bun:test";
import { setTimeout as pause } from "node:timers/promises";
import "../support/processes/processes.ts";
import { within } from "./waits.ts";
import { World } from "./world.ts";

// Three missed heartbeats and the last chance after them: 5 seconds.
const heartbeat = "1s";
const silenceMs = 8_000;

/** Sends without the proxy, so that only the agent's connection suffers. */
const send = (world: World, wish = {}) => world.send("web-1", wish, world.nearClient);

test("a connection that is cut while commands run: they end well and run once", async () => {
  await using world = await World.start({ heartbeat });
  for (let round = 0; round < 3; round++) {
    const seen = world.agent("web-1").lines.length;
    const sent = Promise.all([1, 2, 3].map(() => send(world, { waitMs: 500 })));
    await world.agent("web-1").logged(/running/, seen);
    world.proxy.cut();
    expect(await within(30_000, "the outcomes", sent)).toEqual(["success", "success", "success"]);
  }
  expect(await world.finish()).toMatchObject({ counts: { success: 9 }, ran: 9 });
}, 90_000);

test("an operator whose connection is cut again and again is told every outcome once", async () => {
  await using world = await World.start({ heartbeat });
  const sent = Promise.all([1, 2, 3, 4].map(() => world.send("web-1", { waitMs: 1_500 })));
  for (let round = 0; round < 4; round++) {
    await pause(250);
    world.proxy.cut();
  }
  expect(await within(40_000, "the outcomes", sent)).toEqual(Array(4).fill("success"));
  expect(await world.finish()).toMatchObject({ counts: { success: 4 }, ran: 4 });
}, 60_000);

test("a connection that falls silent both ways is given up by both sides, and fixed", async () => {
  await using world = await World.start({ heartbeat });
  const agent = world.agent("web-1");
  const seen = agent.lines.length;
  const running = send(world, { waitMs: 1_000 });
  await agent.logged(/running/, seen);
  world.proxy.stall();
  const waiting = send(world);
  await agent.logged(/connection lost .*silent/, seen);
  await within(silenceMs, "its silence is seen", world.control.logged(/timed out: no heartbeat/));
  expect((await world.nearClient.agent("web-1")).online).toBe(false);
  world.proxy.resume();
  const told = await within(40_000, "the outcomes", Promise.all([running, waiting]));
  expect(told).toEqual(["success", "success"]);
  expect(await world.finish()).toMatchObject({ counts: { success: 2 }, ran: 2 });
}, 90_000);

test("network: messages that arrive byte by byte are read correctly", async () => {
  await using world = await World.start({ heartbeat });
  await world.agent("web-1").kill();
  world.proxy.trickle(1);
  await world.startAgent("web-1").logged(/ connected/);
  const sent = Promise.all([
    send(world),
    send(world, { status: "failed" }),
    world.send("web-1", { timeout: 20 }),
  ]);
  expect(await within(30_000, "the outcomes", sent)).toEqual(["success", "failed", "success"]);
  world.proxy.trickle(0);
  expect(await world.finish()).toMatchObject({ counts: { success: 2, failed: 1 }, ran: 3 });
}, 60_000);

for (const towards of ["control", "agent"] as const) {
  test(`a connection closed in the direction of the ${towards} alone is fixed`, async () => {
    await using world = await World.start({ heartbeat });
    const agent = world.agent("web-1");
    const seen = agent.lines.length;
    const sent = send(world, { waitMs: 1_000 });
    await agent.logged(/running/, seen);
    world.proxy.halfClose(towards);
    const waiting = send(world);
    await agent.logged(/connection lost/, seen);
    const told = await within(40_000, "the outcomes", Promise.all([sent, waiting]));
    expect(told).toEqual(["success", "success"]);
    expect(await world.finish()).toMatchObject({ counts: { success: 2 }, ran: 2 });
  }, 60_000);
}
