/** An operator session as any client may use it: many jobs, bad messages, limits, permissions. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import type { AuditPage } from "../../../lib/protocol/api/audit.ts";
import type { NewToken } from "../../../lib/protocol/api/tokens.ts";
import type { OutcomeLine } from "../../../lib/protocol/api/views.ts";
import { sessionJobsMax, sessionsPerTokenMax } from "../../../lib/protocol/sessionLimits.ts";
import { RawSession } from "../../support/clients/rawSession.ts";
import type { Flavour } from "../../support/processes/processes.ts";
import { type RawAgent, Target } from "../../support/processes/target.ts";

setDefaultTimeout(60_000);

/** Answers every command that arrives, until the agent ends. */
async function answerAll(agent: RawAgent): Promise<void> {
  for (let index = 0; ; index++) {
    try {
      const id = await agent.socket.frames.first(
        "a command",
        ({ payload }) => JSON.parse(payload.toString()).request_id as string | undefined,
        index,
      );
      agent.respond(id);
    } catch {
      return;
    }
  }
}

describe.each(["binary", "deno"] as const)("an operator session on %s", (flavour: Flavour) => {
  let target: Target;
  let agents: RawAgent[];
  let ids: string[];

  beforeAll(async () => {
    target = await Target.start(flavour, ["--public-url", "https://ops.example.com/wsctl"]);
    agents = await Promise.all([1, 2, 3].map(() => target.agent()));
    for (const agent of agents) void answerAll(agent);
    ids = agents.map(({ id }) => id);
  });
  afterAll(async () => {
    for (const agent of agents) await agent[Symbol.asyncDispose]();
    await target[Symbol.asyncDispose]();
  });

  const open = (token = target.admin, options = {}) =>
    RawSession.open(target.port, `Bearer ${token}`, options);
  const create = async (order: object) => {
    const body = JSON.stringify(order);
    const made = await target.api("/api/v1/tokens", { method: "POST", body });
    return made.body as unknown as NewToken;
  };
  const revoke = (id: string) => target.api(`/api/v1/tokens/${id}`, { method: "DELETE" });

  test("carries many jobs at once, each to its end", async () => {
    await using session = await open();
    const refs = Array.from({ length: 200 }, (_, index) => `job-${index}`);
    for (const [index, ref] of refs.entries()) session.ping(ref, [ids[index % 3] ?? ""]);
    for (const ref of refs) {
      const { job } = await session.next("accepted", ref);
      const [line, ...more] = (await session.lines(ref)) as OutcomeLine[];
      expect(more).toEqual([]);
      expect(line).toMatchObject({ job_id: job.job_id, outcome: "success" });
    }
  });

  test("works below the path of the public URL", async () => {
    await using session = await open(target.admin, { path: "/wsctl/api/v1/session" });
    session.ping("a", ids);
    expect(await session.lines("a")).toHaveLength(3);
  });

  test("creates one job for one key, and follows it again", async () => {
    await using session = await open();
    session.ping("a", ids, { key: "once" });
    const first = await session.next("accepted", "a");
    const lines = await session.lines("a");
    session.ping("b", ids, { key: "once" });
    expect((await session.next("accepted", "b")).job.job_id).toBe(first.job.job_id);
    expect(await session.lines("b")).toEqual(lines);
    const [, { cursor: after } = { cursor: 0 }] = lines as OutcomeLine[];
    session.say({ type: "follow", ref: "c", job_id: first.job.job_id, after });
    expect(await session.lines("c")).toEqual(lines.slice(2));
    session.ping("d", ids.slice(1), { key: "once" });
    expect((await session.next("refused", "d")).error.code).toBe("CONFLICT");
  });

  test("says what is wrong with a message, and ends no other job", async () => {
    await using session = await open();
    const away = await target.newAgent();
    session.ping("open", [away.agent_id]);
    await session.next("accepted", "open");
    const job = { command: "ping", target: { agents: ids } };
    const bad: [string, "error" | "refused", string | undefined, string][] = [
      ["junk", "error", undefined, "Message is not JSON"],
      ["[]", "error", undefined, "Message must be an object"],
      ['{"ref":"open"}', "error", "open", "type is missing"],
      ['{"type":"go","ref":"open"}', "error", "open", "type must be one of submit, follow,"],
      ['{"type":"stop"}', "error", undefined, "ref is missing"],
      ['{"type":"stop","ref":"ö"}', "error", undefined, "ref must be 1 to 64 visible ASCII"],
      ['{"type":"submit","ref":"x"}', "refused", "x", "job is missing"],
      ['{"type":"submit","ref":"x","job":{"command":"ping"}}', "refused", "x", "job.target"],
      [JSON.stringify({ type: "submit", ref: "x", job, more: 1 }), "refused", "x", "more is unk"],
      [JSON.stringify({ type: "submit", ref: "open", job }), "error", "open", "names an open job"],
      ['{"type":"credit","ref":"open","credit":0}', "error", "open", "credit must be a whole"],
      ['{"type":"follow","ref":"x","job_id":"none"}', "refused", "x", 'Unknown job "none"'],
      [`${"[".repeat(40)}`, "error", undefined, "Message is nested deeper than 32 levels"],
      [
        '{"type":"stop","ref":"x","ref":"y"}',
        "error",
        undefined,
        'Message has the key "ref" twice',
      ],
    ];
    for (const [text, type, ref, message] of bad) {
      const from = session.socket.mark;
      session.socket.text(text);
      const answer = await session.next(type, ref, from);
      expect(answer.ref).toBe(ref);
      expect(answer.error.message).toContain(message);
    }
    session.ping("good", ids);
    expect(await session.lines("good")).toHaveLength(3);
    session.say({ type: "stop", ref: "open" });
    await session.next("stopped", "open");
    const about = session.all.filter(({ ref }) => ref === "open").map(({ type }) => `${type}`);
    expect(about).toEqual(["accepted", "error", "error", "error", "error", "stopped"]);
  });

  test("closes for a binary frame, and for a frame over the limit", async () => {
    await using session = await open();
    session.socket.frame({ opcode: 2, payload: "x" });
    expect((await session.closed).code).toBe(1003);
    await using other = await open();
    other.socket.text("x".repeat(64 * 1024 + 1));
    expect([1006, 1009, undefined]).toContain((await other.closed).code);
  });

  test("refuses who may not create jobs, as the API does", async () => {
    const status = async (authorization: string, headers: string[] = []) => {
      await using session = await RawSession.open(target.port, authorization, { headers });
      return session.socket.status;
    };
    const viewer = await create({ role: "viewer" });
    const elsewhere = await create({ role: "operator", addresses: ["192.0.2.1"] });
    expect(await status("")).toBe(401);
    expect(await status("Bearer nobody")).toBe(401);
    expect(await status(`Bearer ${viewer.token}`)).toBe(403);
    expect(await status(`Bearer ${elsewhere.token}`)).toBe(401);
    expect(await status(`Bearer ${target.admin}`, ["Origin: https://evil.example"])).toBe(403);
    expect(await status(`Bearer ${target.admin}`)).toBe(101);
  });

  test("answers what is no handshake of a session", async () => {
    const plain = await target.api("/api/v1/session");
    expect([plain.status, plain.body.error?.message]).toEqual([
      400,
      expect.stringContaining("Sec-WebSocket-Protocol: wsctl.client.v1"),
    ]);
    const socket = await target.connect(target.admin, []);
    await socket[Symbol.asyncDispose]();
  });

  test("holds a narrowed token to its commands and its jobs, and records the refusal", async () => {
    const narrow = await create({ role: "operator", commands: ["ping"] });
    await using session = await open(narrow.token);
    const job = { command: "restart", target: { agents: ids } };
    session.say({ type: "submit", ref: "a", job });
    expect((await session.next("refused", "a")).error.code).toBe("FORBIDDEN");
    const { jobId } = await target.send("ping", ids);
    session.say({ type: "follow", ref: "b", job_id: jobId });
    expect((await session.next("refused", "b")).error.code).toBe("NOT_FOUND");
    session.ping("c", ids);
    expect(await session.lines("c")).toHaveLength(3);
    const { body } = await target.api(`/api/v1/audit?by=${narrow.token_id}`);
    const { items } = body as unknown as AuditPage;
    const seen = items.map(({ record: { action, outcome, code } }) => [action, outcome, code]);
    expect(seen).toContainEqual(["job.create", "refused", "FORBIDDEN"]);
  });

  test("ends at once when its token is revoked, and does nothing more", async () => {
    const { token, token_id: id } = await create({ role: "operator" });
    await using session = await open(token);
    const away = await target.newAgent();
    session.ping("a", [away.agent_id]);
    const { job } = await session.next("accepted", "a");
    const revokedAt = performance.now();
    expect((await revoke(id)).status).toBe(200);
    expect(await session.closed).toEqual({ code: 4401, reason: "the token has ended" });
    // The regular check comes every ten seconds.
    expect(performance.now() - revokedAt).toBeLessThan(5_000);
    expect((await target.ended(job.job_id))[0]?.outcome).toBe("cancelled");
    await using again = await open(token);
    expect(again.socket.status).toBe(401);
  });

  test("ends when its token expires", async () => {
    const { token } = await create({ role: "operator", expires_in_seconds: 1 });
    await using session = await open(token);
    expect((await session.closed).code).toBe(4401);
  });

  test("refuses a job beyond the limit, and takes it when another has ended", async () => {
    await using session = await open();
    const away = await target.newAgent();
    for (let index = 0; index < sessionJobsMax; index++) session.ping(`${index}`, [away.agent_id]);
    session.ping("more", ids);
    const { error } = await session.next("refused", "more");
    expect([error.code, error.message]).toEqual([
      "BUSY",
      expect.stringContaining(`this session has ${sessionJobsMax} jobs`),
    ]);
    await session.next("accepted", "7");
    session.say({ type: "stop", ref: "7" });
    await session.next("stopped", "7");
    session.ping("more", ids);
    expect(await session.lines("more")).toHaveLength(3);
  });

  test("refuses a session beyond the limit of its token", async () => {
    const { token } = await create({ role: "operator" });
    const sessions: RawSession[] = [];
    for (let index = 0; index < sessionsPerTokenMax; index++) sessions.push(await open(token));
    await using one = await open(token);
    const plain = await target.api("/api/v1/session", { authorization: `Bearer ${token}` });
    expect([one.socket.status, plain.body.error?.code]).toEqual([503, "BUSY"]);
    for (const session of sessions) await session[Symbol.asyncDispose]();
  });

  test("ends with its own code when the control plane stops", async () => {
    await using own = await Target.start(flavour);
    await using session = await RawSession.open(own.port, `Bearer ${own.admin}`);
    const stopped = own.serving.process.stop();
    expect(await session.closed).toMatchObject({ code: 1012 });
    expect(await stopped).toBe(0);
  });
});
