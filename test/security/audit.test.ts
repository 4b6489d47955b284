/** The audit trail on real processes: what is in it, what is not, and what it notices. */
import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { AuditLine } from "../../lib/protocol/api/audit.ts";
import { jsonLines } from "../support/processes/cli.ts";
import { JoinableFleet } from "../support/processes/fleet.ts";
import { wsctl } from "../support/processes/processes.ts";

setDefaultTimeout(60_000);

async function records(fleet: JoinableFleet) {
  const lines = jsonLines<AuditLine>(await fleet.run("audit", "export"));
  return lines.map(({ record }) => record);
}

describe("the control plane's trail", () => {
  test("has who, from where, what, on whom and what came of it", async () => {
    await using fleet = await JoinableFleet.start();
    const host = fleet.newHost();
    const agent = fleet.agent(host, "--id", "web-1", "--join", await fleet.joinText());
    await agent.logged(/ connected$/);
    await fleet.run("send", "ping", "--agent", "web-1");
    await fleet.run("send", "restart", "--agent", "web-1", "--param", "delay_seconds=x");
    const viewer = await fleet.newToken("--role", "viewer");
    await fleet.runAs(viewer, "send", "ping", "--agent", "web-1");
    await fleet.runAs("wrong", "agents");
    const all = await records(fleet);
    const from = { address: "127.0.0.1" };
    const [, viewerId = ""] = viewer.split("-");
    for (const wanted of [
      { action: "token.create", outcome: "started", role: "admin", ...from },
      { action: "token.create", outcome: "accepted", resource: { role: "join" } },
      { action: "agent.join", outcome: "accepted", role: "join", resource: { agent: "web-1" } },
      { action: "agent.connect", outcome: "accepted", resource: { agent: "web-1" } },
      {
        action: "job.create",
        outcome: "accepted",
        ...from,
        resource: { agents: ["web-1"], total: 1, sent: 1 },
      },
      { action: "request.end", outcome: "success", resource: { agent: "web-1" } },
      { action: "job.create", outcome: "refused", code: "INVALID_PARAMETERS" },
      { action: "job.create", outcome: "refused", code: "FORBIDDEN", actor: viewerId, ...from },
      { action: "GET /api/v1/agents", outcome: "refused", code: "UNAUTHORIZED", ...from },
    ]) {
      expect(all).toContainEqual(expect.objectContaining({ ...wanted, ...nested(wanted) }));
    }
    expect(await fleet.run("audit", "verify")).toMatchObject({ code: 0, stderr: "" });
  });

  test("keeps no secret: not of tokens, of join strings, nor of parameters", async () => {
    await using fleet = await JoinableFleet.start();
    const text = await fleet.joinText();
    const operator = await fleet.newToken("--role", "operator");
    await fleet.agent(fleet.newHost(), "--id", "web-1", "--join", text).logged(/ connected$/);
    const param = ["--param", "password=canary-4711"];
    await fleet.runAs(operator, "send", "unheard-of", "--agent", "web-1", ...param);
    await fleet.run("tokens", "revoke", operator);
    const trail = (await fleet.run("audit", "export")).stdout;
    for (const secret of [operator, text.split(".")[3] ?? "", "canary-4711"]) {
      expect(trail).not.toContain(secret);
      expect(fleet.serving.process.lines.join("\n")).not.toContain(secret);
    }
    expect(trail).toContain('"password":"[not described]"');
  });

  test("notices a record that was changed or taken out, and an end that was cut off", async () => {
    await using fleet = await JoinableFleet.start();
    await fleet.newToken("--role", "viewer");
    await fleet.newToken("--role", "viewer");
    const head = (await fleet.run("audit", "verify")).stdout.trim().split(/\s+/)[1] ?? "";
    expect((await fleet.run("audit", "verify", "--head", head)).code).toBe(0);
    await fleet.serving.process.stop();
    const log = join(fleet.dataDir, "log");
    const judged = (...args: string[]) => wsctl(["audit", "verify", "--journal", log, ...args]);
    expect((await judged("--head", head)).code).toBe(0);
    const [sequence = ""] = head.split(":");
    const later = await judged("--head", `${Number(sequence) + 1}:${head.split(":")[1]}`);
    expect(later.code).toBe(1);
    expect(later.stdout).toMatch(/broken at record \d+: entries up to \d+ of the given head/);
    const other = await judged("--head", `${sequence}:${"0".repeat(64)}`);
    expect([other.code, other.stdout]).toEqual([
      1,
      expect.stringMatching(/does not match the given/),
    ]);
    const segment = join(log, "0000000000000001.log");
    const whole = readFileSync(segment);
    const changed = Buffer.from(whole);
    changed.write("admin!", changed.indexOf("viewer"));
    writeFileSync(segment, changed);
    expect((await judged()).stdout).toMatch(/broken at record \d+: .*damaged at byte/);
    writeFileSync(segment, whole.subarray(0, 2_000));
    expect((await judged()).stdout).toMatch(/broken at record \d+: .*(missing|damaged)/);
  });
});

test("an agent's own trail tells what was begun, refused and ended, and of parameters the names", async () => {
  await using fleet = await JoinableFleet.start();
  const host = fleet.newHost();
  await fleet.agent(host, "--id", "web-1", "--join", await fleet.joinText()).logged(/ connected$/);
  await fleet.run("send", "ping", "--agent", "web-1");
  await fleet.run("send", "nope", "--agent", "web-1", "--param", "password=canary-4711");
  const journal = join(host, "agents", "web-1", "log");
  const read = await wsctl(["audit", "export", "--journal", journal]);
  const all = jsonLines<AuditLine>(read).map(({ record }) => record);
  const resource = { command: "nope", parameters: ["password"] };
  expect(all).toContainEqual(
    expect.objectContaining({ action: "request.end", outcome: "success" }),
  );
  expect(all).toContainEqual(
    expect.objectContaining({
      action: "request.end",
      outcome: "refused",
      code: "INVALID_COMMAND",
      resource: expect.objectContaining(resource),
    }),
  );
  expect(read.stdout).not.toContain("canary-4711");
  expect((await wsctl(["audit", "verify", "--journal", journal])).code).toBe(0);
});

function nested({ resource }: { resource?: object }): object {
  return resource === undefined ? {} : { resource: expect.objectContaining(resource) };
}
