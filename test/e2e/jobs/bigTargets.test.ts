/** Who is meant, on the binary with hundreds of agents: selectors, facts, samples, and how many. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { TargetView } from "../../../lib/protocol/api/target.ts";
import { BigFleet, membersOf } from "../../support/processes/bigFleet.ts";
import { temporaryDir } from "../../support/processes/processes.ts";
import { atTerminal } from "../../support/processes/terminal.ts";

setDefaultTimeout(60_000);

const sites = ["ams", "ber", "cdg"];
let fleet: BigFleet;
beforeAll(async () => {
  const members = membersOf(300, (index) => ({
    labels: {
      env: index % 2 === 0 ? "prod" : "staging",
      ...(index % 10 === 0 ? { canary: "" } : {}),
    },
    hello: {
      hostname: `${index % 3 === 0 ? "web" : "db"}-${index}.example`,
      os: index % 5 === 0 ? "darwin" : "linux",
      version: index < 50 ? "0.9.0" : "1.0.0",
      // Its own idea of env does not count: the control plane has one.
      labels: { site: sites[index % 3], env: "mine" },
    },
  }));
  fleet = await BigFleet.start(members);
});
afterAll(() => fleet?.[Symbol.asyncDispose]());

async function meant(...words: string[]): Promise<TargetView> {
  const { code, stdout, stderr } = await fleet.run("send", "x", ...words, "--dry-run", "--json");
  if (code !== 0) throw new Error(stderr);
  return JSON.parse(stdout) as TargetView;
}

const indexes = (view: TargetView) => view.agents.map(({ agent_id }) => Number(agent_id.slice(5)));
const where = (holds: (index: number) => boolean) =>
  Array.from({ length: 300 }, (_, index) => index).filter(holds);

describe("a selector means", () => {
  test.each([
    ["env=prod", (n: number) => n % 2 === 0],
    ["env=prod,canary", (n: number) => n % 10 === 0],
    ["env=prod,!canary", (n: number) => n % 2 === 0 && n % 10 !== 0],
    ["site in (ams,ber) and os=linux", (n: number) => n % 3 !== 2 && n % 5 !== 0],
    ["hostname=web-* or version=0.*", (n: number) => n % 3 === 0 || n < 50],
    ["not (os=linux or env=prod)", (n: number) => n % 5 === 0 && n % 2 === 1],
    ["agent=host-00?", (n: number) => n < 10],
    ["env=mine", () => false],
  ])("selector: %s", async (selector, holds) => {
    const wanted = where(holds);
    if (wanted.length === 0) {
      const { code, stderr } = await fleet.run("send", "x", "--target", selector, "--dry-run");
      expect({ code, stderr }).toEqual({
        code: 5,
        stderr: "wsctl: No agent matches this target. List the agents with: wsctl agents\n",
      });
    } else expect(indexes(await meant("--target", selector))).toEqual(wanted);
  });

  test("and together with ids only those that are both", async () => {
    const view = await meant("--agent", "host-00*,host-299", "--target", "env=prod");
    expect(indexes(view)).toEqual(where((n) => n < 10 && n % 2 === 0));
  });
});

describe("a sample", () => {
  test("is the same for the same seed, and another for another", async () => {
    const one = indexes(await meant("--all", "--sample", "10%", "--seed", "monday"));
    expect(one).toHaveLength(30);
    expect(indexes(await meant("--all", "--sample", "10%", "--seed", "monday"))).toEqual(one);
    expect(indexes(await meant("--all", "--sample", "30", "--seed", "tuesday"))).not.toEqual(one);
  });

  test("is chosen and told where no seed is given", async () => {
    const view = await meant("--target", "env=prod", "--sample", "7");
    expect(view.agents).toHaveLength(7);
    const again = await meant("--target", "env=prod", "--sample", "7", "--seed", view.seed ?? "");
    expect(again.agents).toEqual(view.agents);
  });

  test("is frozen in the job, with its seed", async () => {
    const sent = await fleet.client.sendOnly({ command: "x", target: { all: true, sample: 3 } });
    const job = await fleet.client.job(sent.job.job_id);
    expect(job.target).toEqual({ all: true, sample: 3, seed: job.job_id });
    expect(job.requests).toHaveLength(3);
  });
});

describe("more agents than anybody had in mind", () => {
  test("confirmation: a job for more than --confirm-above agents is refused and nothing is sent", async () => {
    const { code, stdout, stderr } = await fleet.run("send", "x", "--target", "env=prod");
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toContain("selects 150 agents, more than the allowed 20");
    expect(fleet.ran().filter((line) => line.startsWith("host-002 "))).toEqual([]);
  });

  test("are sent to with --yes, or where so many were said", async () => {
    const words = ["send", "work", "--target", "env=prod", "--json"];
    expect((await fleet.run(...words, "--yes")).stdout.trim().split("\n")).toHaveLength(150);
    const above = await fleet.run(...words, "--confirm-above", "150");
    expect(above.code).toBe(0);
  });

  const answering = (answer: string) => ({
    dataDir: `${fleet.dataDir}`,
    answers: [["[y/N]", `${answer}\n`]] as [string, string][],
  });

  test("may be agreed to at a terminal", async () => {
    const asked = await atTerminal("send work --target env=staging", answering("y"));
    expect(asked).toContain("Send work to 150 agents (host-001, host-003, host-005, …)? [y/N]");
    expect(asked).toContain("150 agents: 150 success");
    const refused = await atTerminal("send work --target env=staging", answering("n"));
    expect(refused).toContain("Nothing was sent");
  });
});

describe("an agent that is drained", () => {
  test("is left out where it is only selected, and refused by name", async () => {
    expect((await fleet.run("agents", "drain", "host-004")).code).toBe(0);
    const view = await meant("--target", "agent=host-00?,env=prod");
    expect(indexes(view)).toEqual([0, 2, 6, 8]);
    expect(view.skipped).toEqual([{ agent_id: "host-004", reason: "drained" }]);
    const named = await fleet.run("send", "x", "--agent", "host-004");
    expect({ code: named.code, stderr: named.stderr }).toEqual({
      code: 1,
      stderr: 'wsctl: Cannot send to "host-004": drained. Undrain with: wsctl agents undrain ID\n',
    });
    expect((await fleet.run("agents", "undrain", "host-004")).code).toBe(0);
    expect(indexes(await meant("--agent", "host-004"))).toEqual([4]);
  });
});

describe("labels", () => {
  test("are set and taken away, and survive a restart of the control plane", async () => {
    const set = await fleet.run("agents", "label", "host-007", "tier=gold", "env-");
    expect(set.stdout).toContain("tier=gold");
    await fleet.restart();
    await fleet.agents.logged(/all \d+ open/, fleet.agents.lines.length);
    expect(indexes(await meant("--target", "tier=gold"))).toEqual([7]);
    // Where the control plane has no such label, the agent's own counts.
    expect(indexes(await meant("--target", "env=mine"))).toEqual([7]);
    const several = await fleet.run("agents", "label", "host-001,host-00[", "tier=gold");
    expect(several.code).toBe(5);
    expect(several.stderr).toContain('Unknown agent "host-00["');
    const many = await fleet.run("agents", "label", "host-001,host-00?", "tier=silver");
    expect(many.stdout.trim().split("\n")).toHaveLength(10);
    expect(indexes(await meant("--target", "tier=silver"))).toHaveLength(10);
    const bySelector = ["--target", "tier=silver,agent!=host-001", "tier=bronze", "shift=late"];
    const chosen = await fleet.run("agents", "label", ...bySelector);
    expect(chosen.stdout.trim().split("\n")).toHaveLength(9);
    expect(indexes(await meant("--target", "tier=bronze,shift=late"))).toHaveLength(9);
    expect(indexes(await meant("--target", "tier=silver"))).toEqual([1]);
    const nothing = await fleet.run("agents", "label", "--target", "tier=lead", "a=b");
    expect([nothing.code, nothing.stderr]).toEqual([
      5,
      expect.stringContaining('No agent matches the target "tier=lead"'),
    ]);
    const bad = await fleet.run("agents", "label", "host-007", "os=linux");
    expect(bad.code).toBe(2);
    expect(bad.stderr).toContain("names other than agent, hostname, os, arch, version");
  });

  test("are taken from a CSV file, which is checked before any is set", async () => {
    using dir = temporaryDir();
    const file = join(`${dir}`, "inventory.csv");
    const label = (text: string) => {
      writeFileSync(file, text);
      return fleet.run("agents", "label", "--from", file);
    };
    const done = await label('\uFEFFagent,rack,tier\r\nHOST-011,r12,-\r\n"host-012",r13,\r\n');
    expect(done).toMatchObject({ code: 0, stderr: "" });
    expect(done.stdout).toMatch(/^host-011: \S*rack=r12\S*\nhost-012: \S*rack=r13\S*\n$/);
    expect(indexes(await meant("--target", "rack in (r12,r13)"))).toEqual([11, 12]);
    for (const [text, code, says] of [
      ["agent,rack\nhost-011,r1\nnobody,r2\n", 5, 'Unknown agent "nobody"'],
      ["agent,rack\nhost-011,r1,more\n", 2, "Invalid Record Length"],
      ["name,rack\nhost-011,r1\n", 2, 'row 1 has no value in the column "agent"'],
      ["agent,rack\nhost-011,a b\n", 2, 'row 1, agent "host-011": Labels: '],
      ["agent,rack\n", 2, "no line below the names of the columns"],
    ] as const) {
      const refused = await label(text);
      expect(refused.code).toBe(code);
      expect(refused.stderr).toContain(says);
    }
    expect(indexes(await meant("--target", "rack=r12"))).toEqual([11]);
    const both = await fleet.run("agents", "label", "host-001", "--from", file);
    expect(both.stderr).toContain("AGENT, --target and --from cannot be combined");
    const none = await fleet.run("agents", "label", "host-001");
    expect(none.stderr).toContain("Missing AGENT and KEY=VALUE");
  });

  test("of the agent's own do not widen what a token may reach", async () => {
    const made = await fleet.run(
      ...["tokens", "create", "--role", "operator", "--target", "site=ams", "--expires-in", "1h"],
    );
    const token = made.stdout.trim();
    const seen = await fetch(`${fleet.serving.url}/api/v1/agents`, {
      headers: { Authorization: `Bearer ${token}` },
    });
    expect(((await seen.json()) as { items: [] }).items).toEqual([]);
    const facts = await fleet.run("tokens", "create", "--role", "operator", "--target", "os=linux");
    expect(facts.code).not.toBe(0);
    expect(facts.stderr).toContain("which the agent reports itself");
  });
});

describe("an agent that is away", () => {
  test("is left out with --require-online where it is selected, refused where it is named", async () => {
    await fleet.client.createToken({ role: "agent", agent_id: "host-away" });
    const view = await meant("--agent", "host-00?,host-a*", "--require-online");
    expect(view.skipped).toEqual([{ agent_id: "host-away", reason: "offline" }]);
    const named = await fleet.run("send", "x", "--agent", "host-away", "--require-online");
    expect({ code: named.code, stderr: named.stderr }).toEqual({
      code: 1,
      stderr: 'wsctl: Cannot send to "host-away": offline, but the job requires online agents\n',
    });
  });

  test("is forgotten with its token and what waits for it", async () => {
    const { job } = await fleet.client.sendOnly({
      command: "x",
      target: { agents: ["host-away"] },
    });
    const online = await fleet.run("agents", "delete", "host-001");
    expect(online.code).toBe(1);
    expect(online.stderr).toContain("it is online");
    expect((await fleet.run("agents", "delete", "host-away")).stdout).toBe("deleted host-away\n");
    const [request] = (await fleet.client.job(job.job_id)).requests;
    expect(request).toMatchObject({ state: "cancelled" });
    expect((await fleet.run("agents", "show", "host-away")).code).toBe(5);
    await fleet.restart();
    expect((await fleet.run("agents", "show", "host-away")).code).toBe(5);
  });
});
