/** Readers of an operator session that do not read: they hold up nobody else, and fill no memory. */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { readFileSync } from "node:fs";
import type { OutcomeLine } from "../../../lib/protocol/api/views.ts";
import type { JsonObject } from "../../../lib/protocol/json.ts";
import { RawSession } from "../../support/clients/rawSession.ts";
import { BigFleet, membersOf } from "../../support/processes/bigFleet.ts";
import { adminToken } from "../../support/processes/cli.ts";

setDefaultTimeout(60_000);

const members = 60;
const says = "x".repeat(15_000);
/** The outcomes of one job that says so much at every member: about 900 KB. */
const say = (parameters: JsonObject = { says }) => ({
  ...{ command: "say", parameters, force: true },
  target: { all: true as const },
  max_agents: members,
});

let fleet: BigFleet;
let authorization: string;

beforeAll(async () => {
  fleet = await BigFleet.start(membersOf(members));
  authorization = `Bearer ${adminToken(`${fleet.dataDir}`)}`;
});
afterAll(() => fleet[Symbol.asyncDispose]());

const open = () => RawSession.open(fleet.serving.port, authorization);

function memoryBytes(): number {
  const status = readFileSync(`/proc/${fleet.serving.process.pid}/status`, "utf8");
  return Number(/VmRSS:\s*(\d+) kB/.exec(status)?.[1]) * 1024;
}

/** Resolves when the job has ended, as another reader sees it. */
async function ended(jobId: string): Promise<OutcomeLine[]> {
  const at = `${fleet.serving.url}/api/v1/jobs/${jobId}/outcomes`;
  const text = await (await fetch(at, { headers: { Authorization: authorization } })).text();
  return text.split("\n").flatMap((line) => (line === "" ? [] : [JSON.parse(line)]));
}

test("a job without credit waits, others go on, and all of it comes when credit is given", async () => {
  await using session = await open();
  // In batches, so that its outcomes are not those of one step, however busy the machine is.
  const inBatches = { ...say(), rollout: { batch: members / 3 } };
  session.say({ type: "submit", ref: "held", job: inBatches, credit: 1 });
  const { job } = await session.next("accepted", "held");
  const all = await ended(job.job_id);
  expect(all).toHaveLength(members);
  session.say({ type: "submit", ref: "other", job: say({}) });
  expect(await session.lines("other")).toHaveLength(members);
  // The first step may have exceeded the credit; it is not the whole job, which nobody asked for.
  const before = session.linesSoFar("held").length;
  expect(before).toBeLessThan(members);
  session.say({ type: "credit", ref: "held", credit: 4 * 1024 * 1024 });
  expect(await session.lines("held")).toEqual(all);
});

test("a reader that reads nothing costs a bounded memory, and gets everything later", async () => {
  await using session = await open();
  await using other = await open();
  const jobs = 75;
  // Each has credit for all of its outcomes.
  const send = async (to: RawSession, ref: string) => {
    to.say({ type: "submit", ref, job: say(), credit: 4 * 1024 * 1024 });
    // The agents have answered the one before, as each runs its commands in order.
    other.say({ type: "submit", ref, job: say({}) });
    expect(await other.lines(ref)).toHaveLength(members);
  };
  for (let index = 0; index < jobs; index++) await send(session, `warm-${index}`);
  await session.lines(`warm-${jobs - 1}`);
  const before = memoryBytes();
  session.socket.pause();
  for (let index = 0; index < jobs; index++) await send(session, `${index}`);
  // All of it would be 67 MB.
  expect(memoryBytes() - before).toBeLessThan(jobs * members * says.length);
  session.socket.resume();
  for (let index = 0; index < jobs; index++) {
    const lines = (await session.lines(`${index}`)) as OutcomeLine[];
    expect(new Set(lines.map(({ agent }) => agent)).size).toBe(members);
    expect(lines).toHaveLength(members);
  }
});

test("a client that sends and does not read the answers is disconnected", async () => {
  await using session = await open();
  session.socket.pause();
  // Each is answered with an error.
  const text = JSON.stringify({ type: "credit", ref: "x".repeat(64), credit: 0 });
  for (let sent = 0; sent < 150; sent++) {
    for (let index = 0; index < 1_000; index++) session.socket.text(text);
    await session.socket.flushed();
  }
  session.socket.resume();
  expect([4413, undefined]).toContain((await session.closed).code);
  expect(session.all.length).toBeLessThan(150_000);
});
