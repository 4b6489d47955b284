/**
 * SIGTERM while two hundred requests are under way: it ends in time, and nothing is left undone.
 */
import { expect, test } from "bun:test";
import "../support/processes/processes.ts";
import { loggedTimes, within } from "./waits.ts";
import { World } from "./world.ts";

const agents = Array.from({ length: 8 }, (_, index) => `web-${index}`);
const perAgent = 25;
const total = agents.length * perAgent;

test("the next control plane finishes what 200 requests were doing at SIGTERM", async () => {
  await using world = await World.start({ agents, serveArgs: ["--drain-timeout", "2s"] });
  // Longer than the control plane waits; an agent runs 16 at a time, so that others still queue.
  const wish = { waitMs: 4_000, timeout: 30, ttl: 120 };
  const sent = Promise.all(
    agents.flatMap((id) => Array.from({ length: perAgent }, () => world.send(id, wish))),
  );
  await loggedTimes(world.control, /job accepted/, total);
  const started = performance.now();
  const ended = world.control.stop();
  await world.control.logged(/shutting down/);
  const refused = await world.send("web-0", {}, world.nearClient);
  expect(refused).toBe("refused UNAVAILABLE");
  expect(await within(10_000, "the end", ended)).toBe(0);
  expect(performance.now() - started).toBeGreaterThan(1_900);
  expect(world.log.outcomes.length).toBeLessThan(total);
  await world.serve();
  const told = await within(60_000, "the outcomes", sent);
  expect(told.filter((outcome) => outcome !== "success")).toEqual([]);
  expect(await world.finish()).toMatchObject({ counts: { success: total }, ran: total });
}, 120_000);
