/** wsctl audit list and export with filters, formats and --follow, on the binary. */
import { expect, setDefaultTimeout, test } from "bun:test";
import { join } from "node:path";
import type { AuditLine } from "../../lib/protocol/api/audit.ts";
import { adminToken, jsonLines } from "../support/processes/cli.ts";
import { JoinableFleet } from "../support/processes/fleet.ts";
import {
  Running,
  startServe,
  temporaryDir,
  wsctl,
  wsctlCommand,
} from "../support/processes/processes.ts";

setDefaultTimeout(60_000);

test("audit list and export select by agent, action, command, actor, time and sequence", async () => {
  await using fleet = await JoinableFleet.start();
  for (const id of ["web-1", "web-2"]) {
    const agent = fleet.agent(fleet.newHost(), "--id", id, "--join", await fleet.joinText());
    await agent.logged(/ connected$/);
  }
  await fleet.run("send", "ping", "--agent", "web-1");
  const between = new Date().toISOString();
  await fleet.run("send", "info", "--agent", "web-2");
  const operator = await fleet.newToken("--role", "operator");
  await fleet.runAs(operator, "send", "ping", "--agent", "web-2");
  const [, operatorId = ""] = operator.split("-");
  const all = jsonLines<AuditLine>(await fleet.run("audit", "export")).map(({ record }) => record);
  const selected = async (...args: string[]) => {
    const listed = await fleet.run("audit", "list", "--json", "--limit", "1000", ...args);
    const exported = await fleet.run("audit", "export", ...args);
    const log = ["--journal", join(fleet.dataDir, "log")];
    const read = await wsctl(["audit", "export", ...log, ...args]);
    expect(jsonLines(exported)).toEqual(jsonLines(listed));
    expect(jsonLines(read)).toEqual(jsonLines(listed));
    return jsonLines<AuditLine>(listed).map(({ record }) => record);
  };
  const cases: [string[], (record: (typeof all)[number]) => boolean][] = [
    [["--action", "job.create"], ({ action }) => action === "job.create"],
    [["--action", "token.*"], ({ action }) => action.startsWith("token.")],
    [["--command", "ping"], ({ resource }) => resource?.command === "ping"],
    [["--by", operatorId], ({ actor }) => actor === operatorId],
    [["--since", between], ({ at }) => at >= between],
    [["--until", between], ({ at }) => at < between],
    [["--after", "5"], ({ sequence }) => sequence > 5],
    [
      ["--agent", "web-1"],
      ({ resource = {} }) =>
        resource.agent === "web-1" || (resource.agents as string[])?.includes("web-1"),
    ],
    [
      ["--agent", "web-2", "--command", "ping", "--since", between],
      ({ resource = {} }) =>
        resource.command === "ping" && (resource.agents as string[])?.includes("web-2"),
    ],
  ];
  for (const [args, isWanted] of cases) {
    const wanted = all.filter(isWanted);
    expect(wanted.length).toBeGreaterThan(0);
    expect(wanted.length).toBeLessThan(all.length);
    expect(await selected(...args)).toEqual(wanted);
  }
  const newest = await fleet.run(
    "audit",
    "list",
    "--json",
    "--limit",
    "2",
    "--action",
    "job.create",
  );
  const jobs = all.filter(({ action }) => action === "job.create");
  expect(jsonLines<AuditLine>(newest).map(({ record }) => record)).toEqual(jobs.slice(-2));
  const csv = (await fleet.run("audit", "export", "--format", "csv", "--action", "job.create"))
    .stdout;
  expect(csv).toMatch(/^sequence,at,by,address,action,outcome,resource\n\d+,/);
  expect(csv.trim().split("\n")).toHaveLength(jobs.length + 1);
});

test("audit list --follow prints entries as they are recorded", async () => {
  await using fleet = await JoinableFleet.start();
  const args = ["audit", "list", "--follow", "--after", "0", "--action", "token.create", "--json"];
  await using following = new Running([
    ...[...wsctlCommand("binary"), ...args],
    ...["--data-dir", fleet.dataDir],
  ]);
  await fleet.newToken("--role", "viewer");
  await following.logged(/"action":"token.create","outcome":"started"/);
  await following.logged(/"action":"token.create","outcome":"accepted"/);
  await fleet.newToken("--role", "operator");
  await following.logged(/"role":"operator"/);
});

test("audit list names a filter that is wrong", async () => {
  using dataDir = temporaryDir();
  await using serving = await startServe({ dataDir });
  const list = (...args: string[]) => wsctl(["audit", "list", ...args, "--data-dir", `${dataDir}`]);
  const wrong = await list("--since", "yesterday");
  expect([wrong.code, wrong.stderr]).toEqual([2, expect.stringContaining("--since")]);
  const both = await list("--follow", "--journal", join(dataDir, "log"));
  expect([both.code, both.stderr]).toEqual([2, expect.stringContaining("cannot be combined")]);
  const headers = { Authorization: `Bearer ${adminToken(dataDir)}` };
  const answer = await fetch(`${serving.url}/api/v1/audit?until=never`, { headers });
  expect(answer.status).toBe(400);
  expect(await answer.text()).toContain("until");
});
