/** Ids that an operator shortens to a beginning that only one of them has. */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { AuditLine } from "../../../lib/protocol/api/audit.ts";
import type { TokenView } from "../../../lib/protocol/api/tokens.ts";
import type { JobDetail } from "../../../lib/protocol/api/views.ts";
import { expectRefusal, jsonLines } from "../../support/processes/cli.ts";
import { JoinableFleet } from "../../support/processes/fleet.ts";

setDefaultTimeout(60_000);

let fleet: JoinableFleet;
beforeAll(async () => {
  fleet = await JoinableFleet.start({ args: ["--require-approval-for", "restart"] });
  await fleet.run("tokens", "create", "--agent", "away-1");
});
afterAll(() => fleet[Symbol.asyncDispose]());

/** Creates a job for an agent that is away. */
async function newJob(as?: string, command = "ping"): Promise<string> {
  const words = ["send", command, "--agent", "away-1", "--no-wait"];
  const sent = await (as === undefined ? fleet.run(...words) : fleet.runAs(as, ...words));
  return sent.stdout.trim();
}

/** The shortest beginning, from 4 characters on, that no other id has. */
function unique(id: string, others: readonly string[]): string {
  for (let length = 4; ; length++) {
    const start = id.slice(0, length);
    if (!others.some((other) => other !== id && other.startsWith(start))) return start;
  }
}

test("a job is found by its beginning, in every command that names one", async () => {
  const [first, second] = [await newJob(), await newJob()];
  const short = unique(first, [second]);
  const show = await fleet.run("jobs", "show", short, "--json");
  expect(jsonLines<JobDetail>(show)[0]?.job_id).toBe(first);
  expect((await fleet.run("jobs", "pause", short)).stdout).toContain(`paused ${first}`);
  expect((await fleet.run("jobs", "resume", short)).stdout).toContain(`resumed ${first}`);
  expect((await fleet.run("jobs", "cancel", short)).stdout).toContain("1 cancelled");
  expect((await fleet.run("jobs", "watch", short)).stdout).toContain("CANCELLED");
  const waiting = await newJob(undefined, "restart");
  const colleague = await fleet.newToken("--role", "operator");
  const approved = await fleet.runAs(colleague, "jobs", "approve", waiting.slice(0, -1));
  expect(approved.stdout).toContain(`approved ${waiting}`);
  const retried = await fleet.run("jobs", "retry", short, "--lost");
  expectRefusal(retried, 5, /none of its requests is lost/);
  const other = await fleet.run("jobs", "show", second, "--json");
  expect(jsonLines<JobDetail>(other)[0]?.ended).toBe(0);
});

test("a beginning that several jobs have lists them, and one that is too short finds none", async () => {
  const ids = [await newJob(), await newJob()];
  const short = ids[0]?.slice(0, 8) ?? "";
  const refused = await fleet.run("jobs", "show", short);
  expectRefusal(refused, 1, /several IDs begin with it: .*\. Write more of the ID/);
  for (const id of ids) expect(refused.stderr).toContain(id);
  const tooShort = await fleet.run("jobs", "show", short.slice(0, 3));
  expectRefusal(tooShort, 1, /Unknown job/);
});

test("an id in upper case is the same id, and an agent in upper case is named in lower case", async () => {
  const id = await newJob();
  const shown = await fleet.run("jobs", "show", id.toUpperCase(), "--json");
  expect(jsonLines<JobDetail>(shown)[0]?.job_id).toBe(id);
  const short = await fleet.run("jobs", "cancel", id.slice(0, -1).toUpperCase());
  expect(short.stdout).toContain("1 cancelled");
  const sent = await fleet.run("send", "ping", "--agent", "AWAY-1", "--no-wait");
  expect(sent).toMatchObject({ code: 0 });
  const labelled = await fleet.run("agents", "label", "AWAY-1,away-1", "tier=gold");
  expect(labelled.stdout).toBe("away-1: tier=gold\n");
  const asked = await fleet.run("agents", "show", "AWAY-1");
  expectRefusal(asked, 5, /IDs of agents are in lower case: use "away-1"/);
});

test("a target without agents says whether the token or the fleet has none", async () => {
  await using empty = await JoinableFleet.start();
  expectRefusal(await empty.run("send", "ping", "--all"), 5, /no agent has joined yet/);
  const narrow = await fleet.newToken("--role", "operator", "--target", "env=none");
  const outside = await fleet.runAs(narrow, "send", "ping", "--all");
  expectRefusal(outside, 5, /no agent is in the scope of this token/);
});

test("an agent whose token is for another agent says for which one", async () => {
  const file = join(fleet.newHost(), "token");
  writeFileSync(file, await fleet.newToken("--agent", "web-9"), { mode: 0o600 });
  const ca = join(`${fleet.dataDir}`, "tls", "ca.pem");
  const at = ["--server", fleet.serving.url, "--ca", ca, "--token-file", file];
  const agent = fleet.agent(fleet.newHost(), "--id", "w", ...at);
  await agent.logged(
    /ERROR the token is for agent "web-9", not for "w".* Start it with --id web-9/,
  );
});

test("a narrowed token finds its own jobs only, and hears of no others", async () => {
  const narrow = await fleet.newToken("--role", "operator", "--allow", "ping");
  const theirs = await newJob();
  expectRefusal(await fleet.runAs(narrow, "jobs", "show", theirs.slice(0, -1)), 1, /Unknown job/);
  const own = await newJob(narrow);
  const shown = await fleet.runAs(narrow, "jobs", "show", own.slice(0, 4), "--json");
  expect(jsonLines<JobDetail>(shown)[0]?.job_id).toBe(own);
});

test("a token is rotated and revoked by its beginning, and recorded with its whole id", async () => {
  const id = (await fleet.newToken("--role", "viewer")).split("-")[1] ?? "";
  const tokens = jsonLines<TokenView>(await fleet.run("tokens", "--json"));
  const all = tokens.map((each) => each.token_id);
  const short = unique(id, all);
  expect((await fleet.run("tokens", "rotate", short)).stdout).toStartWith(`wsctl-${id}-`);
  expect((await fleet.run("tokens", "revoke", short)).stdout).toBe(`revoked ${id}\n`);
  const entries = jsonLines<AuditLine>(await fleet.run("audit", "export"));
  const recorded = entries.filter(({ record }) => record.action === "token.revoke");
  expect(recorded.at(-1)?.record).toMatchObject({
    outcome: "accepted",
    resource: { token_id: id },
  });
});
