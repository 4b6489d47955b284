/** Schedules on the binary: they come due, survive a crash without running twice, and stop in time. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import type { ScheduleView } from "../../../lib/protocol/api/schedules.ts";
import type { JobView } from "../../../lib/protocol/api/views.ts";
import { BigFleet, membersOf } from "../../support/processes/bigFleet.ts";

setDefaultTimeout(60_000);

let fleet: BigFleet;
beforeAll(async () => {
  fleet = await BigFleet.start(membersOf(3));
});
afterAll(() => fleet?.[Symbol.asyncDispose]());

async function create(name: string, ...words: string[]): Promise<ScheduleView> {
  const made = await fleet.run("schedules", "create", name, "work", ...words, "--json");
  if (made.code !== 0) throw new Error(made.stderr);
  return JSON.parse(made.stdout) as ScheduleView;
}

async function jobsOf(name: string): Promise<JobView[]> {
  const { items } = await fleet.client.jobs({ limit: 500 });
  return items.filter(({ schedule }) => schedule === name);
}

/** The schedule, once it is as it is waited for. */
async function until(name: string, is: (schedule: ScheduleView) => boolean): Promise<ScheduleView> {
  for (;;) {
    const schedule = await fleet.client.schedule(name);
    if (is(schedule)) return schedule;
    await Bun.sleep(20);
  }
}

test("schedules: each due run creates a job", async () => {
  await create("pulse", "--all", "--every", "1s");
  const first = await until("pulse", ({ last_run }) => last_run?.job_id !== undefined);
  const second = await until("pulse", ({ last_run }) => {
    return last_run?.job_id !== undefined && last_run.job_id !== first.last_run?.job_id;
  });
  const apart =
    Date.parse(second.last_run?.due_at ?? "") - Date.parse(first.last_run?.due_at ?? "");
  expect(apart % 1_000).toBe(0);
  const [job] = await jobsOf("pulse");
  expect(job).toMatchObject({ command: "work", target: { all: true }, total: 3 });
  expect((await fleet.run("schedules", "pause", "pulse")).stdout).toBe("pulse: paused\n");
  const paused = await fleet.client.schedule("pulse");
  expect(paused.next_at).toBeUndefined();
  expect((await fleet.run("schedules")).stdout).toMatch(/pulse +work +every 1s +paused/);
  expect((await fleet.run("schedules", "resume", "pulse")).stdout).toStartWith("pulse: next at 20");
  expect((await fleet.run("schedules", "delete", "pulse")).stdout).toBe("deleted pulse\n");
  expect((await fleet.run("schedules", "show", "pulse")).code).toBe(1);
});

test("a control plane that is killed asks once for each run, and once for those it missed by little", async () => {
  const made = await create(
    "steady",
    "--agent",
    "host-000",
    "--every",
    "1s",
    "--concurrency-policy",
    "allow",
  );
  const crashes = 3;
  for (let crash = 0; crash < crashes; crash++) {
    const seen = await fleet.client.schedule("steady");
    await until("steady", ({ last_run }) => last_run?.due_at !== seen.last_run?.due_at);
    await fleet.restart();
  }
  await fleet.run("schedules", "pause", "steady");
  const last = (await fleet.client.schedule("steady")).last_run?.due_at ?? "";
  const jobs = await jobsOf("steady");
  const due = Math.round((Date.parse(last) - Date.parse(made.created_at)) / 1_000);
  expect(jobs.length).toBeLessThanOrEqual(due);
  expect(jobs.length).toBeGreaterThanOrEqual(due - 2 * crashes);
  await fleet.run("schedules", "delete", "steady");
});

test("of runs that came due while nobody served only the latest is made up for", async () => {
  await create("burst", "--agent", "host-001", "--every", "1s", "--concurrency-policy", "allow");
  await until("burst", ({ last_run }) => last_run?.job_id !== undefined);
  await fleet.serving.process.kill();
  const before = Date.now();
  await Bun.sleep(4_000);
  await fleet.restart();
  await until("burst", ({ last_run }) => Date.parse(last_run?.due_at ?? "") > before + 3_000);
  await fleet.run("schedules", "delete", "burst");
  const during = (await jobsOf("burst")).filter(({ created_at: at }) => Date.parse(at) > before);
  // Those that came due since it serves again, and one for the four seconds before.
  const apart = during.map(({ created_at: at }) => Date.parse(at)).sort((a, b) => a - b);
  expect(apart.every((at, index) => index === 0 || at - (apart[index - 1] ?? 0) > 500)).toBe(true);
});

test("what is paused or deleted at the moment it comes due sends nothing more", async () => {
  const at = new Date(Date.now() + 2_000).toISOString();
  const names = Array.from(
    { length: 40 },
    (_, index) => `at-once-${String(index).padStart(2, "0")}`,
  );
  const job = { command: "work", target: { selector: "agent=host-*" } };
  for (const name of names) await fleet.client.createSchedule({ name, timing: { at }, job });
  await until("at-once-00", ({ last_run }) => last_run !== undefined);
  const late = names.slice(20);
  const told = await Promise.all(
    late.map(async (name) => {
      await fleet.client.deleteSchedule(name);
      return { name, at: Date.now() };
    }),
  );
  await until("at-once-19", ({ last_run }) => last_run !== undefined);
  await Bun.sleep(300);
  for (const { name, at: deletedAt } of told) {
    for (const { created_at: created } of await jobsOf(name)) {
      expect(Date.parse(created)).toBeLessThanOrEqual(deletedAt);
    }
  }
});

test("schedules: --at creates one job", async () => {
  await create("tonight", "--agent", "host-001", "--at", "1s");
  const done = await until("tonight", ({ last_run }) => last_run !== undefined);
  expect(done.next_at).toBeUndefined();
  expect(await jobsOf("tonight")).toHaveLength(1);
  expect((await fleet.run("schedules", "show", "tonight")).stdout).toMatch(/^next +no more$/m);
});

describe("while the job before is open", () => {
  const slow = ["--agent", "host-002", "--every", "1s", "--timeout", "1h"];
  const params = ["--params", '{"ms": 600000}'];
  const openOf = async (name: string) =>
    (await jobsOf(name)).filter(({ ended, total }) => ended < total);

  test('schedules: concurrency policy "forbid" skips runs while the previous job is open', async () => {
    await create("slow", ...slow, ...params);
    for (let skipped = 0; skipped < 3; skipped++) {
      const { last_run: before } = await fleet.client.schedule("slow");
      await until("slow", ({ last_run: last }) => {
        return last?.skip_reason === "already_running" && last.due_at !== before?.due_at;
      });
    }
    expect(await jobsOf("slow")).toHaveLength(1);
    await fleet.run("schedules", "delete", "slow");
    await fleet.client.cancelJob((await openOf("slow"))[0]?.job_id ?? "");
  });

  test('schedules: concurrency policy "replace" cancels the previous job', async () => {
    await create("instead", ...slow, ...params, "--concurrency-policy", "replace");
    await until("instead", ({ last_run }) => last_run?.job_id !== undefined);
    const [first] = await jobsOf("instead");
    await until("instead", ({ last_run }) => last_run?.job_id !== first?.job_id);
    expect((await fleet.client.job(first?.job_id ?? "")).cancelled_at).toBeDefined();
    await fleet.run("schedules", "delete", "instead");
    for (const { job_id } of await openOf("instead")) await fleet.client.cancelJob(job_id);
  });
});

test("schedules: a schedule ends when the token that created it ends", async () => {
  const { token, token_id: id } = await fleet.client.createToken({ role: "operator" });
  const body = JSON.stringify({
    name: "theirs",
    timing: { every_seconds: 1 },
    job: { command: "work", target: { agents: ["host-000"] } },
  });
  const headers = { Authorization: `Bearer ${token}`, "Content-Type": "application/json" };
  const url = `${fleet.serving.url}/api/v1/schedules`;
  expect((await fetch(url, { method: "POST", headers, body })).status).toBe(201);
  await until("theirs", ({ last_run }) => last_run?.job_id !== undefined);
  await fleet.client.revokeToken(id);
  const stopped = await until("theirs", ({ paused_at }) => paused_at !== undefined);
  expect(stopped).toMatchObject({
    pause_reason: "the token that created the schedule is no longer valid",
  });
  await fleet.run("schedules", "delete", "theirs");
});

test("a moment that passes while it is paused is told as such", async () => {
  await create("gone", "--agent", "host-001", "--at", "1s");
  await fleet.run("schedules", "pause", "gone");
  await Bun.sleep(1_100);
  const { stdout } = await fleet.run("schedules", "resume", "gone");
  expect(stdout).toBe("gone: no further run: its time passed while it was paused\n");
  expect((await fleet.client.schedule("gone")).last_run?.skip_reason).toBe("paused");
});

test("a run that nobody can take says so, and the next one comes", async () => {
  await create("nobody", "--target", "env=nowhere", "--every", "1s");
  const refused = await until("nobody", ({ last_run }) => last_run?.skip_reason !== undefined);
  expect(refused.last_run?.skip_reason).toStartWith("NO_MATCH No agent matches this target");
  expect(refused.next_at).toBeDefined();
  await fleet.run("schedules", "delete", "nobody");
});

test("schedules: run-now creates a job at once", async () => {
  await create("later", "--agent", "host-000", "--cron", "0 3 * * *", "--time-zone", "Asia/Tokyo");
  const { stdout, stderr } = await fleet.run("schedules", "run-now", "later");
  const id = stdout.trim();
  expect(stderr).toContain(`wsctl jobs watch ${id}`);
  expect(await jobsOf("later")).toMatchObject([{ job_id: id }]);
  await fleet.run("send", "work", "--agent", "host-000");
  const listed = await fleet.run("jobs", "list", "--schedule", "later", "--json");
  expect(listed.stdout.trim().split("\n")).toHaveLength(1);
  expect(JSON.parse(listed.stdout)).toMatchObject({ job_id: id, schedule: "later" });
  const other = ["--schedule", "later", "--command", "ping", "--status", "open", "--json"];
  expect((await fleet.run("jobs", "list", ...other)).stdout).toBe("");
  expect((await fleet.client.schedule("later")).next_at).toEndWith("T18:00:00.000Z");
});

describe("is refused where", () => {
  test.each([
    [["--every", "1s", "--at", "1s"], 2, /Specify exactly one of --cron, --every or --at/],
    [[], 2, /Specify exactly one of --cron, --every or --at/],
    [["--cron", "61 * * * *"], 2, /Cannot schedule "61 \* \* \* \*" in UTC/],
    [["--cron", "0 3 * * *", "--time-zone", "Mars/Olympus"], 2, /Mars\/Olympus/],
    [["--at", "yesterday"], 2, /Flag --at is "yesterday"/],
    [["--at", "2030-02-30T00:00:00Z"], 2, /Flag --at is "2030-02-30T00:00:00Z"/],
    [["--at", "2020-01-01T00:00:00Z"], 2, /is in the past/],
    [["--every", "1s", "--time-zone", "UTC"], 2, /--time-zone needs --cron/],
    [["--every", "0s"], 2, /every_seconds|must be/],
  ])("schedules: the schedule %j is refused", async (when, code, says) => {
    const asked = await fleet.run("schedules", "create", "wrong", "work", "--all", ...when);
    expect(asked.code).toBe(code);
    expect(asked.stderr).toMatch(says);
  });

  test("the name is taken", async () => {
    await create("twice", "--all", "--every", "1h");
    const again = await fleet.run("schedules", "create", "twice", "work", "--all", "--every", "1h");
    expect({ code: again.code, stderr: again.stderr }).toEqual({
      code: 1,
      stderr: 'wsctl: Schedule "twice" already exists. Delete it first\n',
    });
  });
});
