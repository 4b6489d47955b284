/** History on real processes: found by what it was, told moment by moment, and let go in time. */
import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import type { AuditLine } from "../../../lib/protocol/api/audit.ts";
import type { JobDetail, JobView } from "../../../lib/protocol/api/views.ts";
import { fill, openJournal, writesOf } from "../../support/fixtures/filledJournal.ts";
import { expectRefusal, jsonLines } from "../../support/processes/cli.ts";
import { isClusterMode } from "../../support/processes/clusterMode.ts";
import { JoinableFleet } from "../../support/processes/fleet.ts";
import {
  connectedAgent,
  type Flavour,
  flavours,
  startServe,
  temporaryDir,
  wsctl,
} from "../../support/processes/processes.ts";

setDefaultTimeout(90_000);

const dayMs = 24 * 60 * 60 * 1000;
const success = () => ({ outcome: "success" as const, message: "pong" });

async function jobIds(dataDir: string, flavour: Flavour, ...args: string[]): Promise<string[]> {
  const at = ["--json", "--data-dir", `${dataDir}`];
  const listed = await wsctl(["jobs", "list", ...args, ...at], { flavour });
  expect(listed.code).toBe(0);
  if (listed.stdout === "") return [];
  return jsonLines<JobView>(listed).map(({ job_id }) => job_id);
}

describe.each([...flavours])("%s", (flavour) => {
  test("jobs list finds a job by agent, command, outcome, time, token and words", async () => {
    using dataDir = temporaryDir();
    await using _serving = await startServe({ dataDir, flavour });
    await using one = await connectedAgent({ dataDir, id: "web-1", flavour });
    await using _other = await connectedAgent({ dataDir, id: "db-1", flavour });
    const send = async (...args: string[]) => {
      const at = ["--json", "--data-dir", `${dataDir}`];
      const sent = await wsctl(["send", ...args, ...at], { flavour });
      return jsonLines<{ job_id: string }>(sent)[0]?.job_id ?? "";
    };
    const list = (...args: string[]) => jobIds(dataDir, flavour, ...args);
    const ping = await send("ping", "--agent", "web-1");
    const info = await send("info", "--agent", "web-1,db-1");
    const wrong = await send("unheard-of", "--agent", "db-1");
    await one.stop();
    await wsctl(["send", "ping", "--agent", "web-1", "--no-wait", "--data-dir", `${dataDir}`], {
      flavour,
    });
    const [open = ""] = await list("--status", "open");
    expect(await list()).toEqual([open, wrong, info, ping]);
    expect(await list("--agent", "web-1")).toEqual([open, info, ping]);
    expect(await list("--command", "info")).toEqual([info]);
    expect(await list("--status", "error")).toEqual([wrong]);
    expect(await list("--status", "success", "--agent", "db-1")).toEqual([info]);
    expect(await list("--since", "1h", "--limit", "2")).toEqual([open, wrong]);
    expect(await list("--since", "2100-01-01T00:00:00Z")).toEqual([]);
    expect(await list("--by", "ffffffffffff")).toEqual([]);
    expect(await list("--search", "invalid_command")).toEqual([wrong]);
    expect(await list("--cursor", wrong)).toEqual([info, ping]);
  });

  test("jobs show tells when a request was sent, began and ended, and how long it ran", async () => {
    using dataDir = temporaryDir();
    await using _serving = await startServe({ dataDir, flavour });
    await using _agent = await connectedAgent({ dataDir, id: "web-1", flavour });
    const at = ["--data-dir", `${dataDir}`];
    await wsctl(["send", "ping", "--agent", "web-1", ...at], { flavour });
    const [jobId = ""] = await jobIds(dataDir, flavour);
    const shown = await wsctl(["jobs", "show", jobId, "--json", ...at], { flavour });
    const [request] = jsonLines<JobDetail>(shown)[0]?.requests ?? [];
    const times = [request?.queued_at, request?.sent_at, request?.started_at, request?.ended_at];
    expect(times).not.toContain(undefined);
    expect(times).toEqual([...times].sort());
    const { queue_ms = -1, execution_ms = -1, duration_ms = -1 } = request ?? {};
    expect(Math.min(queue_ms, execution_ms)).toBeGreaterThanOrEqual(0);
    expect(execution_ms).toBeLessThanOrEqual(duration_ms);
    const text = (await wsctl(["jobs", "show", jobId, ...at], { flavour })).stdout;
    expect(text).toMatch(/SENT +STARTED +RAN +ENDED/);
    expect(text).toMatch(/web-1 +success +- +\+\d+ ms +\+\d+ ms +\d+ ms +\+\d+ ms/);
  });
});

test("a filter that is none is refused with what was expected", async () => {
  using dataDir = temporaryDir();
  await using _serving = await startServe({ dataDir });
  const list = (...args: string[]) => wsctl(["jobs", "list", ...args, "--data-dir", `${dataDir}`]);
  expectRefusal(await list("--since", "yesterday"), 2, /--since is "yesterday": .* such as 2h/);
  expectRefusal(await list("--status", "done"), 2, /--status.*open/);
  expectRefusal(await list("--search", "*"), 2, /1 to 16 whole words/);
});

test("a narrowed token lists its own jobs alone, whatever it asks for", async () => {
  await using fleet = await JoinableFleet.start();
  const agent = fleet.agent(fleet.newHost(), "--id", "web-1", "--join", await fleet.joinText());
  await agent.logged(/ connected$/);
  const token = await fleet.newToken("--role", "operator", "--allow", "ping");
  await fleet.run("send", "ping", "--agent", "web-1");
  await fleet.runAs(token, "send", "ping", "--agent", "web-1");
  const [, own = ""] = token.split("-");
  for (const filter of [[], ["--agent", "web-1"], ["--search", "pong"], ["--status", "success"]]) {
    const all = jsonLines<JobView>(await fleet.run("jobs", "list", "--json", ...filter));
    expect(all).toHaveLength(2);
    const seen = jsonLines<JobView>(await fleet.runAs(token, "jobs", "list", "--json", ...filter));
    expect(seen.map(({ created_by }) => created_by)).toEqual([own]);
    const other = all.find(({ created_by }) => created_by !== own)?.created_by ?? "";
    const by = ["--by", other, "--json"];
    expect((await fleet.runAs(token, "jobs", "list", ...filter, ...by)).stdout).toBe("");
  }
});

describe("serve", () => {
  // A node of a cluster refuses the directory of a single control plane, which this one is.
  test.skipIf(isClusterMode)(
    "lets old jobs go, and goes on with it after kill -9 in the middle",
    async () => {
      using dataDir = temporaryDir();
      const path = join(dataDir, "index.db");
      const seeded = openJournal(`${dataDir}`);
      const old = Array.from({ length: 6_000 }, (_, index) =>
        writesOf({
          agents: ["web-1"],
          createdAt: Date.now() - 100 * dayMs + index,
          ending: success,
        }),
      );
      seeded.commitNow(old.flatMap(({ asked, ended }) => [...asked, ...ended]));
      const young = fill(seeded, {
        agents: ["web-1"],
        createdAt: Date.now() - dayMs,
        ending: success,
      });
      seeded.close();
      const requests = () => {
        const db = new DatabaseSync(path);
        try {
          expect(db.prepare("PRAGMA integrity_check").get()).toEqual({ integrity_check: "ok" });
          return Number(db.prepare("SELECT count(*) AS count FROM requests").get()?.count);
        } finally {
          db.close();
        }
      };
      const first = await startServe({ dataDir });
      await first.process.logged(/job pruning started/);
      await first.process.kill();
      expect(requests()).toBeGreaterThan(1);
      expect(requests()).toBeLessThan(6_001);
      await using second = await startServe({ dataDir });
      await second.process.logged(/jobs pruned/);
      expect(await jobIds(dataDir, "binary")).toEqual([young]);
      expect(await jobIds(dataDir, "binary", "--search", "pong")).toEqual([young]);
      const trail = await wsctl(["audit", "list", "--json", "--data-dir", `${dataDir}`]);
      const actions = jsonLines<AuditLine>(trail).map(({ record }) => record.action);
      expect(actions).toContain("job.prune");
      await second.process.stop();
      expect(requests()).toBe(1);
    },
  );

  test("keeps what is older than nine days by no flag at all", async () => {
    using dataDir = temporaryDir();
    const serve = (...flags: string[]) => wsctl(["serve", ...flags, "--data-dir", `${dataDir}`]);
    expectRefusal(
      await serve("--job-retention", "8d"),
      2,
      /--job-retention is "8d": .*at least 9d/,
    );
    expectRefusal(await serve("--job-retention-max", "0"), 2, /--job-retention-max is "0"/);
    expectRefusal(
      await serve("--audit-retention", "1h"),
      2,
      /--audit-retention is "1h": .*at least 1d/,
    );
  });
});
