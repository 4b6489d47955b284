/**
 * `kill -9` at random moments of the control plane, of agents or of all, while jobs are sent.
 * WSCTL_FAULT_ROUNDS is how many rounds, WSCTL_FAULT_SEED repeats the choices of a failed run.
 */
import { expect, test } from "bun:test";
import { setTimeout as pause } from "node:timers/promises";
import "../support/processes/processes.ts";
import type { Checked } from "./checker.ts";
import { randomOf } from "./random.ts";
import { within } from "./waits.ts";
import { World } from "./world.ts";

const rounds = Number(process.env.WSCTL_FAULT_ROUNDS ?? 40);
const seed = Number(process.env.WSCTL_FAULT_SEED ?? Math.floor(Math.random() * 2 ** 31));
const worlds = 4;
const agents = ["web-1", "web-2"];
const jobsPerRound = 5;

test(
  `${rounds} rounds of kill -9 lose nothing, repeat nothing and lie about nothing`,
  async () => {
    const share = Math.ceil(rounds / worlds);
    const starts = Array.from({ length: worlds }, (_, index) => seed + index);
    const all = await Promise.all(starts.map((each) => live(each, share)));
    const counts: Record<string, number> = {};
    for (const world of all) {
      for (const [kind, count] of Object.entries(world.counts)) {
        counts[kind] = (counts[kind] ?? 0) + count;
      }
    }
    process.stdout.write(`${rounds} rounds, seed ${seed}: ${JSON.stringify(counts)}\n`);
    // Were nothing ever well or never cut off, the rounds would not have tried what they are for.
    expect(counts.success).toBeGreaterThan(0);
    expect(counts["expired EXPIRED"]).toBeGreaterThan(0);
  },
  120_000 + rounds * 5_000,
);

async function live(own: number, count: number): Promise<Checked> {
  try {
    await using world = await World.start({ agents });
    await world.register("away");
    return await killAgainAndAgain(world, randomOf(own), count);
  } catch (error) {
    throw new Error(`WSCTL_FAULT_SEED=${seed} WSCTL_FAULT_ROUNDS=${rounds}: ${error}`, {
      cause: error,
    });
  }
}

async function killAgainAndAgain(
  world: World,
  random: (below: number) => number,
  count: number,
): Promise<Checked> {
  const sent: Promise<unknown>[] = [];
  for (let round = 0; round < count; round++) {
    await Promise.all(agents.map((id) => present(world, id)));
    for (let job = 0; job < jobsPerRound; job++) {
      const status = random(5) === 0 ? "failed" : "success";
      const wish = { waitMs: random(4) * 60, status } as const;
      sent.push(world.send(agents[random(2)] ?? "", wish));
    }
    sent.push(world.sendByCli(agents[random(2)] ?? "", { waitMs: random(2) * 60 }));
    sent.push(world.send("away", { ttl: 1 }));
    await pause(random(300));
    await kill(world, random(5), () => pause(random(100)));
  }
  for (const id of agents) {
    if (!world.isConnected(id)) await again(world, id);
  }
  await within(90_000, "the outcomes of all jobs", Promise.all(sent));
  return world.finish();
}

async function kill(world: World, choice: number, away: () => Promise<void>): Promise<void> {
  const killed = choice === 4 ? agents : [agents[choice % 2] ?? ""];
  const hitsControl = choice < 2 || choice === 4;
  const hitsAgents = choice > 1;
  await Promise.all([
    ...(hitsControl ? [world.control.kill()] : []),
    ...(hitsAgents ? killed.map((id) => world.agent(id).kill()) : []),
  ]);
  await away();
  if (hitsControl) await world.serve();
  if (hitsAgents) for (const id of killed) world.startAgent(id);
}

/** An agent that has lost its connection often stays away for long: then another one takes over. */
async function present(world: World, id: string): Promise<void> {
  if (world.isConnected(id)) return;
  const agent = world.agent(id);
  const from = agent.lines.length;
  const came = within(1_500, "a connection", agent.logged(/ connected/, from));
  await came.catch(() => again(world, id));
}

async function again(world: World, id: string): Promise<void> {
  await world.agent(id).kill();
  await world.startAgent(id).logged(/ connected/);
}
