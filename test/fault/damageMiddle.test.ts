/**
 * One bit flipped somewhere in the middle of a journal: either somebody says that the file is
 * damaged, or no request ends as something it is not, none runs twice, and none is denied.
 */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Client } from "../../lib/client/client.ts";
import type { JobDetail } from "../../lib/protocol/api/views.ts";
import { Running, temporaryDir } from "../support/processes/processes.ts";
import { type Damage, flip, refused, starts } from "./damage.ts";
import { firstSegment, headWritten } from "./damageLog.ts";
import { randomOf } from "./random.ts";
import { testBinary, World } from "./world.ts";

const flips = Number(process.env.WSCTL_FAULT_FLIPS ?? 40);
const seed = Number(process.env.WSCTL_FAULT_SEED ?? 20_260_101);
const waiting = 4;

const dir = temporaryDir();
let world: World;
/** The first segment of the log of the control plane, and the directory with all its files. */
let control: Buffer;
let controlLog: string;
/** The first segment of the log of an agent, and the directory with all its files. */
let agent: Buffer;
let agentLog: string;
/** What was known of every job before the damage. */
let known: JobDetail[];
/** The job that ran when everything died. */
let interrupted: string;

beforeAll(async () => {
  world = await World.start();
  await world.register("away");
  const statuses = ["success", "failed"] as const;
  const wishes = Array.from({ length: 12 }, (_, index) => ({
    status: statuses[index % 2] ?? "success",
  }));
  await Promise.all(wishes.map((wish) => world.send("web-1", wish)));
  const client = world.nearClient;
  for (let job = 0; job < waiting; job++) {
    const { line: _, ...order } = world.orderOf("away", { ttl: 600 });
    await client.sendOnly(order);
  }
  const seen = world.agent("web-1").lines.length;
  const { line: _, ...order } = world.orderOf("web-1", { waitMs: 20_000, timeout: 30 });
  interrupted = (await client.sendOnly(order)).job.job_id;
  await world.agent("web-1").logged(/running/, seen);
  // Without damage to the log, what an agent wrote before it was killed is never lost.
  const logOfAgent = join(world.path("data-of-web-1"), "agents", "web-1", "log");
  await headWritten(logOfAgent);
  await world.agent("web-1").kill();
  known = await Promise.all(
    (await client.jobs({ limit: 100 })).items.map(({ job_id }) => client.job(job_id)),
  );
  controlLog = join(`${dir}`, "log of the control plane");
  const log = join(world.dataDir, "log");
  await headWritten(log);
  await world.control.kill();
  cpSync(log, controlLog, { recursive: true });
  control = readFileSync(join(controlLog, firstSegment));
  agentLog = join(`${dir}`, "log of web-1");
  cpSync(logOfAgent, agentLog, { recursive: true });
  agent = readFileSync(join(agentLog, firstSegment));
}, 60_000);

afterAll(async () => {
  await world[Symbol.asyncDispose]();
  dir[Symbol.dispose]();
});

test("without damage everything is there, and the command that was cut off is lost", async () => {
  const nothing: Damage = { what: "nothing", apply: (bytes) => Buffer.from(bytes) };
  expect(await controlFaults(nothing)).toEqual([]);
  expect(await agentFaults(nothing, ["lost"])).toEqual([]);
});

test(`${flips} flips in the control plane's journal make no outcome wrong`, async () => {
  const faults: string[] = [];
  for (const damage of flipsIn(control)) {
    faults.push(...(await controlFaults(damage)).map((fault) => `${damage.what}: ${fault}`));
  }
  expect(faults).toEqual([]);
}, 180_000);

test(`${flips} flips in an agent's journal make no outcome wrong`, async () => {
  const faults: string[] = [];
  for (const damage of flipsIn(agent)) {
    faults.push(...(await agentFaults(damage)).map((fault) => `${damage.what}: ${fault}`));
  }
  expect(faults).toEqual([]);
}, 180_000);

/** Mostly where something is written: a flip in what is empty says little. */
function flipsIn(bytes: Buffer): Damage[] {
  const random = randomOf(seed);
  const chosen: Damage[] = [];
  while (chosen.length < flips) {
    const offset = random(bytes.length);
    if (bytes[offset] !== 0 || random(10) === 0) chosen.push(flip(offset, random(8)));
  }
  return chosen;
}

async function controlFaults(damage: Damage): Promise<string[]> {
  const place = join(`${dir}`, "place");
  const ranBefore = readFileSync(world.ranFile, "utf8");
  rmSync(place, { recursive: true, force: true });
  mkdirSync(place);
  cpSync(join(world.dataDir, "local.json"), join(place, "local.json"));
  const file = join(place, "log", firstSegment);
  const damaged = damage.apply(control);
  cpSync(controlLog, join(place, "log"), { recursive: true });
  writeFileSync(file, damaged);
  const args = ["serve", "--port", "0", "--data-dir", place, "--log-level", "debug"];
  const { process: serving, works } = await starts(args, /serving on/);
  await using _end = serving;
  if (!works) return refused(serving, await serving.exited, file, damaged);
  const [, url = ""] = await serving.logged(/serving on (\S+)/);
  await using _away = agentAt(url, "away", join(place, "agent"));
  await asked(url, place, "away");
  const { token } = JSON.parse(readFileSync(join(place, "local.json"), "utf8"));
  const faults: string[] = [];
  for (const job of known) faults.push(...(await jobFaults(url, token, job)));
  const text = serving.lines.join("\n");
  const isSaid = /malformed|corrupt|damaged/i.test(text);
  const ran = readFileSync(world.ranFile, "utf8").slice(ranBefore.length).split("\n").slice(0, -1);
  const lines = ran.map((line) => line.replace(/ \d+$/, ""));
  if (new Set(lines).size !== lines.length) faults.push(`ran twice: ${lines}`);
  return isSaid ? faults.filter((fault) => /ran twice|is now/.test(fault)) : faults;
}

async function jobFaults(url: string, token: string, job: JobDetail): Promise<string[]> {
  const answer = await fetch(`${url}/api/v1/jobs/${job.job_id}`, {
    headers: { Authorization: `Bearer ${token}` },
  }).catch(() => undefined);
  // A fault of its own, or another token: nobody is told anything wrong.
  if (answer === undefined || answer.status >= 500 || answer.status === 401) return [];
  if (answer.status !== 200) return [`job ${job.job_id} is denied (${answer.status})`];
  const now = (await answer.json()) as JobDetail;
  return job.requests.flatMap(({ request_id, state, code }) => {
    if (state === "queued" || state === "sent") return [];
    const found = now.requests.find((request) => request.request_id === request_id);
    if (found === undefined) return [`request ${request_id} is gone`];
    if (found.state === state && found.code === code) return [];
    return [`request ${request_id} was ${state} and is now ${found.state} ${found.code ?? ""}`];
  });
}

/** The agent died while it ran a command: whatever its journal says now, that is not run again. */
async function agentFaults(damage: Damage, right = ["lost", "sent"]): Promise<string[]> {
  const place = join(`${dir}`, "place");
  rmSync(place, { recursive: true, force: true });
  const own = join(place, "agent", "agents", "web-1");
  mkdirSync(own, { recursive: true });
  cpSync(join(world.dataDir, "local.json"), join(place, "local.json"));
  cpSync(controlLog, join(place, "log"), { recursive: true });
  const file = join(own, "log", firstSegment);
  const damaged = damage.apply(agent);
  cpSync(agentLog, join(own, "log"), { recursive: true });
  writeFileSync(file, damaged);
  const ranBefore = readFileSync(world.ranFile, "utf8");
  const args = ["serve", "--port", "0", "--data-dir", place];
  const { process: serving } = await starts(args, /serving on/);
  await using _end = serving;
  const [, url = ""] = await serving.logged(/serving on (\S+)/);
  await using again = agentAt(url, "web-1", join(place, "agent"));
  const came = await again.logged(/ connected/).then(
    () => true,
    () => false,
  );
  if (!came) return refused(again, await again.exited, file, damaged);
  // What it was sent before comes to it first: by then it has told it, or begun it once more.
  await asked(url, place, "web-1");
  const ran = readFileSync(world.ranFile, "utf8").slice(ranBefore.length);
  if (ran !== "") return [`ran again: ${ran.trim()}`];
  const { token } = JSON.parse(readFileSync(join(place, "local.json"), "utf8"));
  const shown = await fetch(`${url}/api/v1/jobs/${interrupted}`, {
    headers: { Authorization: `Bearer ${token}` },
  });
  const { requests } = (await shown.json()) as JobDetail;
  const state = requests[0]?.state ?? "gone";
  return right.includes(state) ? [] : [`the interrupted request is ${state}`];
}

/** Waits for the answer to one more command, or until it is plain that none comes. */
async function asked(url: string, place: string, id: string): Promise<void> {
  const { token } = JSON.parse(readFileSync(join(place, "local.json"), "utf8"));
  const client = new Client({ url, token, fetch });
  const order = { command: "ping", target: { agents: [id] }, timeout_seconds: 2 };
  const answer = (async () => {
    const sent = await client.send(order, { signal: AbortSignal.timeout(2_000) });
    for await (const line of sent.lines) return line;
  })();
  // A damaged journal may well answer nothing: only a wrong answer is a fault.
  await answer.catch(() => {});
}

function agentAt(url: string, id: string, dataDir: string): Running {
  return new Running([
    ...[testBinary, "agent", "--id", id, "--data-dir", dataDir, "--log-level", "debug"],
    ...["--server", url, "--token-file", world.path(`${id}.token`)],
  ]);
}
