/** Who created a job, and why: names of tokens and reasons, in jobs and in the audit trail. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import type { AuditLine } from "../../../lib/protocol/api/audit.ts";
import type { TokenView } from "../../../lib/protocol/api/tokens.ts";
import type { JobDetail, JobView } from "../../../lib/protocol/api/views.ts";
import { expectRefusal, jsonLines } from "../../support/processes/cli.ts";
import { JoinableFleet } from "../../support/processes/fleet.ts";

setDefaultTimeout(60_000);

describe("operators with names", () => {
  let fleet: JoinableFleet;
  let ana = "";

  beforeAll(async () => {
    fleet = await JoinableFleet.start({ args: ["--require-reason", "restart,info"] });
    const text = await fleet.joinText();
    await fleet.agent(fleet.newHost(), "--id", "web-1", "--join", text).logged(/ connected$/);
    ana = await fleet.newToken("--role", "operator", "--name", "Ana Ruiz");
  });
  afterAll(() => fleet[Symbol.asyncDispose]());

  test("a job shows the name of the token that created it, and can be found by it", async () => {
    await fleet.run("send", "ping", "--agent", "web-1");
    await fleet.runAs(ana, "send", "ping", "--agent", "web-1", "--reason", "OPS-17: is it up?");
    const [job, ...others] = jsonLines<JobView>(
      await fleet.run("jobs", "list", "--by", "Ana Ruiz", "--json"),
    );
    expect(others).toEqual([]);
    expect(job).toMatchObject({ created_by_name: "Ana Ruiz", reason: "OPS-17: is it up?" });
    const byId = await fleet.run("jobs", "list", "--by", job?.created_by ?? "", "--json");
    expect(jsonLines<JobView>(byId)).toEqual([job as JobView]);
    expect((await fleet.run("jobs", "list", "--by", "Bob", "--json")).stdout).toBe("");
    expect((await fleet.run("jobs", "list")).stdout).toMatch(/ Ana Ruiz\n.* local\n/);
    const shown = (await fleet.run("jobs", "show", job?.job_id ?? "")).stdout;
    expect(shown).toMatch(/created +\S+ by Ana Ruiz \(token [0-9a-f]{12}\)/);
    expect(shown).toMatch(/reason +OPS-17: is it up\?/);
  });

  test("the audit trail names the operator and the reason", async () => {
    const found = await fleet.run("audit", "list", "--by", "Ana Ruiz", "--json");
    const [entry] = jsonLines<AuditLine>(found);
    expect(entry?.record).toMatchObject({
      action: "job.create",
      actor_name: "Ana Ruiz",
      resource: { reason: "OPS-17: is it up?" },
    });
    await fleet.runAs(ana, "tokens", "list");
    const refused = await fleet.run("audit", "list", "--by", "Ana Ruiz", "--action", "GET*");
    expect(refused.stdout).toMatch(/operator Ana Ruiz .* refused FORBIDDEN/);
  });

  test("a command of --require-reason is refused without a reason, and a retry keeps it", async () => {
    const send = ["send", "info", "--agent", "web-1"];
    const refused = await fleet.run(...send);
    expectRefusal(refused, 2, /requires a reason for "info". Add --reason TEXT/);
    const every = ["schedules", "create", "daily", "info", "--all", "--every", "1d"];
    expectRefusal(await fleet.run(...every), 2, /requires a reason for "info"/);
    expect((await fleet.run(...every, "--reason", "inventory")).code).toBe(0);
    await fleet.run(...send, "--reason", "inventory");
    const [job] = jsonLines<JobView>(
      await fleet.run("jobs", "list", "--command", "info", "--json"),
    );
    await fleet.run("jobs", "retry", job?.job_id ?? "", "--all");
    const [again] = jsonLines<JobView>(await fleet.run("jobs", "list", "--json"));
    expect(again).toMatchObject({ retry_of: job?.job_id ?? "", reason: "inventory" });
    const given = ["jobs", "retry", job?.job_id ?? "", "--all", "--reason", "once more"];
    await fleet.run(...given);
    const [last] = jsonLines<JobDetail>(await fleet.run("jobs", "list", "--json"));
    expect(last?.reason).toBe("once more");
  });

  test("tokens list shows names, and a name that looks like an ID is refused", async () => {
    const tokens = jsonLines<TokenView>(await fleet.run("tokens", "list", "--json"));
    expect(tokens.map(({ name }) => name)).toContain("Ana Ruiz");
    const make = ["tokens", "create", "--role", "viewer", "--name"];
    expectRefusal(await fleet.run(...make, "0123456789ab"), 2, /must not look like the ID/);
    expectRefusal(await fleet.run(...make, " ana"), 2, /must not begin or end with a space/);
    const agent = ["tokens", "create", "--agent", "plc-7", "--name", "plc"];
    expectRefusal(await fleet.run(...agent), 2, /Flag --name needs --role or --join/);
    expectRefusal(
      await fleet.run("send", "ping", "--all", "--reason", "a\nb"),
      2,
      /reason.* must be printable/,
    );
  });
});
