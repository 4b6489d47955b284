/**
 * Dies at every named point, at its first to fifth passing, and goes on without losing anything.
 */
import { expect, test } from "bun:test";
import type { Failpoint } from "../../lib/failpoints.ts";
import "../support/processes/processes.ts";
import { tail, within } from "./waits.ts";
import { World } from "./world.ts";

const failpoints: Failpoint[] = [
  "control_before_commit",
  "control_after_commit",
  "control_before_send",
  "agent_before_commit",
  "agent_after_commit",
  "agent_before_run",
  "agent_after_run",
];
const jobs = 7;

for (const name of failpoints) {
  test(`${name}, passed once to five times`, async () => {
    await Promise.all([1, 2, 3, 4, 5].map((passing) => dies(name, passing)));
  }, 60_000);
}

async function dies(name: Failpoint, passing: number): Promise<void> {
  await using world = await World.start();
  const failpoint = `${name}:${passing}`;
  const isControl = name.startsWith("control");
  // With the agent newly come, its greeting and the naming of its memory are passed through too.
  await world.agent("web-1").kill();
  let victim: ReturnType<World["startAgent"]>;
  if (isControl) {
    await world.control.kill();
    victim = await world.serve(failpoint);
    world.startAgent("web-1");
  } else victim = world.startAgent("web-1", failpoint);
  const work = (async () => {
    const told: string[] = [];
    // One after the other: each is a commit, a sending and a run of its own.
    for (let job = 0; job < jobs; job++) told.push(await world.send("web-1", { timeout: 1 }));
    return told;
  })();
  const status = await within(20_000, `${failpoint}: the death`, victim.exited);
  expect(`${failpoint} ${status}`).toBe(`${failpoint} 137`);
  if (isControl) await world.serve();
  else world.startAgent("web-1");
  const told = await within(40_000, `${failpoint}: the outcomes\n${tail(world.control)}`, work);
  const { ran } = await world.finish();
  // One request at the most was under way: all the others must have gone well.
  const well = told.filter((outcome) => outcome === "success").length;
  expect(`${failpoint}: ${well >= jobs - 1 ? "well" : told}`).toBe(`${failpoint}: well`);
  expect(ran).toBeGreaterThanOrEqual(well);
}
