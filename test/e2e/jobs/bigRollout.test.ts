/** Rollouts over hundreds of agents on the binary: cut in two by a crash, paused, stopped, tried again. */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { isOutput } from "../../../lib/client/streamCursor.ts";
import type { JobRequestInput } from "../../../lib/protocol/api/jobs.ts";
import type { OutcomeLine } from "../../../lib/protocol/api/views.ts";
import { BigFleet, membersOf } from "../../support/processes/bigFleet.ts";

setDefaultTimeout(120_000);

let fleet: BigFleet;
beforeAll(async () => {
  fleet = await BigFleet.start(membersOf(500), ["--heartbeat", "30s"]);
});
afterAll(() => fleet?.[Symbol.asyncDispose]());

const counted = (lines: OutcomeLine[]) => {
  const counts: Record<string, number> = {};
  for (const { outcome } of lines) counts[outcome] = (counts[outcome] ?? 0) + 1;
  return counts;
};

/** Sends without waiting; gives the job and all its outcomes as they come. */
async function sent(order: JobRequestInput) {
  const { job } = await fleet.client.sendOnly(order);
  return { job, lines: outcomesOf(job.job_id) };
}

async function* outcomesOf(jobId: string): AsyncGenerator<OutcomeLine> {
  const job = await fleet.client.job(jobId);
  for await (const line of fleet.client.watchJob(job)) if (!isOutput(line)) yield line;
}

async function all(lines: AsyncIterable<OutcomeLine>): Promise<OutcomeLine[]> {
  const found: OutcomeLine[] = [];
  for await (const line of lines) found.push(line);
  return found;
}

/** The longest time that so many of these spans have in common with others. */
function mostAtOnce(spans: { from: number; to: number }[]): number {
  const turns = spans.flatMap(({ from, to }) => [
    { at: from, by: 1 },
    { at: to, by: -1 },
  ]);
  turns.sort((a, b) => a.at - b.at || a.by - b.by);
  let now = 0;
  return turns.reduce((most, { by }) => {
    now += by;
    return Math.max(most, now);
  }, 0);
}

test("500 agents, 20 at a time, and the control plane is killed twice on the way", async () => {
  const before = fleet.ran().length;
  const { job, lines } = await sent({
    command: "work",
    parameters: { ms: 20 },
    target: { all: true },
    rollout: { batch: 20 },
    timeout_seconds: 60,
  });
  const found: OutcomeLine[] = [];
  for await (const line of lines) {
    found.push(line);
    if (found.length === 100 || found.length === 300) await fleet.restart();
    if (found.length === 500) break;
  }
  expect(counted(found)).toEqual({ success: 500 });
  const ran = fleet.ran().slice(before);
  expect(ran).toHaveLength(500);
  expect(new Set(ran).size).toBe(500);
  const { requests } = await fleet.client.job(job.job_id);
  const spans = requests.map(({ sent_at = "", ended_at = "" }) => {
    return { from: Date.parse(sent_at), to: Date.parse(ended_at) };
  });
  expect(mostAtOnce(spans)).toBeLessThanOrEqual(20);
});

test("a failure among the canaries stops it, and nobody else has begun", async () => {
  const before = fleet.ran().length;
  const { lines } = await sent({
    command: "work",
    parameters: { fails: ["host-001"] },
    target: { all: true },
    rollout: { canary: 2, canary_pause_seconds: 0, max_failures: 100 },
  });
  const found = await all(lines);
  expect(counted(found)).toEqual({ success: 1, failed: 1, cancelled: 498 });
  expect(found.at(-1)?.message).toBe(
    "The rollout stopped after a failed canary; the request never started",
  );
  expect(fleet.ran()).toHaveLength(before + 2);
});

test("waves begin one after the other, with a pause in between", async () => {
  const { job, lines } = await sent({
    command: "work",
    parameters: { ms: 5 },
    target: { agents: ["host-00?"] },
    rollout: { canary: 1, canary_pause_seconds: 0.3, batch: 3, batch_pause_seconds: 0.4 },
  });
  expect(counted(await all(lines))).toEqual({ success: 10 });
  const { requests } = await fleet.client.job(job.job_id);
  const waves = [
    requests.slice(0, 1),
    requests.slice(1, 4),
    requests.slice(4, 7),
    requests.slice(7),
  ];
  const times = waves.map((wave) => ({
    from: Math.min(...wave.map(({ sent_at = "" }) => Date.parse(sent_at))),
    to: Math.max(...wave.map(({ ended_at = "" }) => Date.parse(ended_at))),
  }));
  const between = times.slice(1).map(({ from }, index) => from - (times[index]?.to ?? 0));
  expect(between.map((ms, index) => ms >= (index === 0 ? 300 : 400))).toEqual([true, true, true]);
});

test("rollout: a paused job stays paused after a crash, and resume completes it", async () => {
  const { job, lines } = await sent({
    command: "work",
    parameters: { ms: 20 },
    target: { all: true },
    rollout: { batch: 25 },
    timeout_seconds: 60,
  });
  const { requests } = await fleet.client.job(job.job_id);
  const ids = new Set(requests.map(({ request_id }) => request_id));
  const ranOfIt = () => fleet.ran().filter((line) => ids.has(line.split(" ")[1] ?? ""));
  const found: OutcomeLine[] = [];
  let isPaused = false;
  for await (const line of lines) {
    found.push(line);
    if (isPaused || found.length !== 100) continue;
    isPaused = true;
    const paused = await fleet.run("jobs", "pause", job.job_id);
    expect(paused.stdout).toStartWith(`paused ${job.job_id}`);
    await fleet.restart();
    await nothingUnderWay(job.job_id);
    const held = ranOfIt().length;
    expect(held).toBeLessThan(400);
    // All agents are free and answer: were anything let go, they would have been sent it before.
    const { lines: others } = await sent({ command: "work", target: { all: true } });
    expect(counted(await all(others))).toEqual({ success: 500 });
    expect(ranOfIt()).toHaveLength(held);
    expect((await fleet.run("jobs", "show", job.job_id)).stdout).toMatch(/^paused +20\d\d-/m);
    expect((await fleet.run("jobs", "resume", job.job_id)).code).toBe(0);
  }
  expect(counted(found)).toEqual({ success: 500 });
  expect(ranOfIt()).toHaveLength(500);
});

/** What was under way when a job was paused has ended. */
async function nothingUnderWay(jobId: string): Promise<void> {
  for (;;) {
    const { requests } = await fleet.client.job(jobId);
    if (requests.every(({ state }) => state !== "sent")) return;
  }
}

test("what did not succeed is tried again as a job of its own", async () => {
  const fails = ["host-003", "host-005", "host-400"];
  const { job, lines } = await sent({
    command: "work",
    parameters: { fails },
    target: { all: true },
    rollout: { batch: 50 },
  });
  expect(counted(await all(lines))).toEqual({ success: 497, failed: 3 });
  const again = await fleet.run("jobs", "retry", job.job_id, "--failed", "--json");
  const told = again.stdout
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as OutcomeLine);
  expect(again.code).toBe(1);
  expect(told.map(({ agent, outcome }) => `${agent} ${outcome}`).sort()).toEqual(
    fails.map((id) => `${id} failed`),
  );
  const retried = await fleet.client.job(told[0]?.job_id ?? "");
  expect(retried).toMatchObject({ retry_of: job.job_id, total: 3, rollout: { batch: 50 } });
  const none = await fleet.run("jobs", "retry", job.job_id, "--lost");
  expect({ code: none.code, stderr: none.stderr }).toEqual({
    code: 5,
    stderr: "wsctl: Cannot retry job: none of its requests is lost\n",
  });
  await fleet.run("agents", "drain", "host-003");
  const rest = await fleet.run("jobs", "retry", job.job_id, "--failed", "--json");
  expect(rest.stdout.trim().split("\n")).toHaveLength(2);
  await fleet.run("agents", "undrain", "host-003");
  const nowhere = await fleet.client.sendOnly({
    command: "work",
    target: { agents: ["host-001"] },
  });
  const early = await fleet.run("jobs", "retry", nowhere.job.job_id, "--failed", "--all");
  expect(early.stderr).toContain("--all cannot be combined with --failed");
  const which = await fleet.run("jobs", "retry", job.job_id);
  expect(which.code).toBe(2);
});
