/** Five thousand agents come back at once after a crash; who has work to do is served meanwhile. */
import { expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { Running } from "../support/processes/processes.ts";
import { within } from "./waits.ts";
import { World } from "./world.ts";

const herd = 5_000;
const herders = 2;
const tokensAtOnce = 50;

test(`${herd} agents return after kill -9, and jobs are answered all the while`, async () => {
  await using world = await World.start();
  const tokens = await makeTokens(world);
  const each = herd / herders;
  const script = new URL("herdAgents.ts", import.meta.url).pathname;
  await using first = herder(world, script, 0, tokens.slice(0, each));
  await using second = herder(world, script, 1, tokens.slice(each));
  const both = [first, second];
  const areOpen = (from: number[]) =>
    Promise.all(both.map((one, index) => one.logged(/all \d+ open/, from[index])));
  await within(40_000, "the first coming of all", areOpen([0, 0]));
  const seen = both.map(({ lines }) => lines.length);
  const port = world.controlPort;
  const before = world.send("web-1", { waitMs: 500, timeout: 20 });
  await world.agent("web-1").logged(/running/);
  await world.control.kill();
  await world.serve(undefined, port);
  const started = performance.now();
  let isBack = false;
  const back = within(60_000, "the return of all", areOpen(seen)).then(() => {
    isBack = true;
    return performance.now() - started;
  });
  const told: string[] = [];
  const tookMs: number[] = [];
  while (!isBack || told.length < 20) {
    const from = performance.now();
    told.push(await Promise.race([world.send("web-1", { timeout: 20 }), failed(back)]));
    tookMs.push(Math.round(performance.now() - from));
  }
  const backMs = Math.round(await back);
  expect(new Set(told)).toEqual(new Set(["success"]));
  expect(await before).toBe("success");
  const online = (await world.client.agents()).filter((agent) => agent.online).length;
  expect(online).toBe(herd + 1);
  // The first waits for its agent to come back; the others have it connected.
  const [away, ...rest] = tookMs;
  const slowest = Math.max(...rest);
  const summary = `${told.length} jobs, the first in ${away} ms, then ${slowest} ms at most`;
  process.stdout.write(`${herd} agents back in ${backMs} ms; ${summary}\n`);
  expect(slowest).toBeLessThan(5_000);
  for (const one of both) await one.kill();
  const { ran } = await world.finish();
  expect(ran).toBe(told.length + 1);
}, 180_000);

function herder(world: World, script: string, index: number, tokens: string[]): Running {
  const file = world.path(`herd-${index}`);
  writeFileSync(file, tokens.join("\n"));
  return new Running([process.execPath, script, `ws://127.0.0.1:${world.controlPort}/agent`, file]);
}

async function makeTokens(world: World): Promise<string[]> {
  const client = world.nearClient;
  const tokens: string[] = [];
  for (let first = 0; first < herd; first += tokensAtOnce) {
    const ids = Array.from({ length: tokensAtOnce }, (_, index) => `herd-${first + index}`);
    const made = ids.map((agent_id) => client.createToken({ role: "agent", agent_id }));
    for (const { token } of await Promise.all(made)) tokens.push(token);
  }
  return tokens;
}

/** Never answers, unless with the failure of what it waits for. */
function failed(promise: Promise<unknown>): Promise<never> {
  return new Promise((_, reject) => promise.catch(reject));
}
