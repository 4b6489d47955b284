/** The lines of `serve --log-json` for a log collector. */
import { expect, setDefaultTimeout, test } from "bun:test";
import { readFileSync } from "node:fs";
import { eventTypes } from "../../../lib/protocol/api/events.ts";
import { JoinableFleet } from "../../support/processes/fleet.ts";

setDefaultTimeout(60_000);

type Line = Record<string, unknown>;

test("serve --log-json logs jobs, connections, logins and refusals by stable names", async () => {
  await using fleet = await JoinableFleet.start({ args: ["--log-json"] });
  const { process } = fleet.serving;
  const join = await fleet.joinText();
  await fleet.agent(fleet.newHost(), "--id", "web-1", "--join", join).logged(/ connected$/);
  const operator = await fleet.newToken("--role", "operator", "--name", "ana");
  const made = await fleet.runAs(operator, "send", "nothing", "--agent", "web-1", "--force");
  expect(made.code).toBe(1);
  await fleet.runAs(operator, "tokens", "list");
  await process.logged(/"event":"action\.refused"/);
  const lines = process.lines.map((line) => JSON.parse(line) as Line);
  const of = (event: string) => lines.filter((line) => line.event === event);
  expect(of("agent.connected")).toMatchObject([{ level: "info", agent_id: "web-1" }]);
  const [job] = of("job.created");
  expect(job).toMatchObject({ command: "nothing", total: 1, created_by_name: "ana" });
  expect(of("job.failed")).toMatchObject([{ job_id: job?.job_id, ended: 1, succeeded: 0 }]);
  const [request] = of("request.ended");
  expect(request).toMatchObject({ job_id: job?.job_id, agent_id: "web-1", outcome: "error" });
  expect(request).toMatchObject({ code: "INVALID_COMMAND" });
  expect(request).not.toHaveProperty("message");
  expect(of("action.accepted")).toContainEqual(
    expect.objectContaining({ action: "token.create", actor_name: "local", actor_role: "admin" }),
  );
  expect(of("action.refused")).toMatchObject([
    { level: "warn", actor_name: "ana", code: "FORBIDDEN" },
  ]);
});

test("each disconnect of an agent is an event with its reason, after that of the connection", async () => {
  await using fleet = await JoinableFleet.start({ args: ["--log-json", "--heartbeat", "1s"] });
  const { process } = fleet.serving;
  const join = async (id: string) => {
    const agent = fleet.agent(fleet.newHost(), "--id", id, "--join", await fleet.joinText());
    await agent.logged(/ connected$/);
    return agent;
  };
  const [gone, stopped, silent] = await Promise.all(
    ["gone", "stopped", "silent", "revoked"].map(join),
  );
  silent?.signal("SIGSTOP");
  await gone?.kill();
  await stopped?.stop();
  await fleet.run("agents", "revoke", "revoked");
  for (const id of ["gone", "stopped", "revoked", "silent"]) {
    await process.logged(new RegExp(`"event":"agent.disconnected".*"agent_id":"${id}"`));
  }
  const lines = process.lines.map((line) => JSON.parse(line) as Line);
  const ends = lines.filter(({ event }) => event === "agent.disconnected");
  const told = ends.map(({ agent_id, close_code, reason }) => [agent_id, { close_code, reason }]);
  expect(Object.fromEntries(told)).toEqual({
    gone: { close_code: 1006, reason: "the connection was lost" },
    stopped: { close_code: expect.any(Number), reason: expect.any(String) },
    revoked: { close_code: 4401, reason: "the token is missing, unknown or revoked" },
    silent: { close_code: 4408, reason: "no heartbeat, or no hello, in time" },
  });
  expect(ends.every(({ level }) => level === "info")).toBe(true);
  for (const { agent_id: id } of ends) {
    const own = lines.filter(({ event, agent_id }) => agent_id === id && event !== undefined);
    const ofConnection = own.filter(({ event }) => /^agent\.(dis)?connected$/.test(`${event}`));
    expect(ofConnection[0]?.event).toBe("agent.connected");
  }
});

test("a job that is a part of a trace has its trace_id on every line", async () => {
  await using fleet = await JoinableFleet.start({ args: ["--log-json"] });
  await fleet.run("tokens", "create", "--agent", "away-1");
  const ca = readFileSync(`${fleet.dataDir}/tls/ca.pem`);
  const traceId = "4bf92f3577b34da6a3ce929d0e0e4736";
  const token = await fleet.newToken("--role", "operator");
  const response = await fetch(`${fleet.serving.url}/api/v1/jobs`, {
    method: "POST",
    body: JSON.stringify({ command: "ping", target: { agents: ["away-1"] } }),
    headers: {
      Authorization: `Bearer ${token}`,
      "Content-Type": "application/json",
      traceparent: `00-${traceId}-00f067aa0ba902b7-01`,
    },
    tls: { ca },
  } as RequestInit);
  const { job } = (await response.json()) as { job: { job_id: string } };
  await fleet.run("jobs", "cancel", job.job_id);
  await fleet.serving.process.logged(/"event":"job\.failed"/);
  const lines = fleet.serving.process.lines.map((line) => JSON.parse(line) as Line);
  const about = lines.filter(({ event, job_id }) => job_id === job.job_id && event !== undefined);
  const events = about.filter(({ event }) => !`${event}`.startsWith("action."));
  expect(events.map(({ event }) => event)).toEqual([
    ...["job.created", "request.ended", "job.ended", "job.failed"],
  ]);
  expect(new Set(events.map(({ trace_id }) => trace_id))).toEqual(new Set([traceId]));
});

test("docs/reference/log-events.md lists every event", () => {
  const page = new URL("../../../docs/reference/log-events.md", import.meta.url);
  const text = readFileSync(page, "utf8");
  const all = [...eventTypes, "agent.disconnected", "action.accepted", "action.refused"];
  expect(all.filter((type) => !text.includes(`\`${type}\``))).toEqual([]);
});
