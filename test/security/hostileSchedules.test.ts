/** Schedules and targets as somebody with a token may misuse them: refused by name, and serve goes on. */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { Target } from "../support/processes/target.ts";

setDefaultTimeout(60_000);

let target: Target;
beforeAll(async () => {
  target = await Target.start("binary");
});
afterAll(() => target?.[Symbol.asyncDispose]());

const post = (path: string, body: object, headers: Record<string, string> = {}) =>
  fetch(`${target.serving.url}${path}`, {
    method: "POST",
    headers: {
      Authorization: `Bearer ${target.admin}`,
      "Content-Type": "application/json",
      ...headers,
    },
    body: JSON.stringify(body),
  });
const codeOf = async (response: Response) =>
  ((await response.json()) as { error?: { code: string } }).error?.code;
const timing = { at: "2099-01-01T00:00:00Z" };

test("parameters that no message could carry are refused before they are on record", async () => {
  const job = { command: "x", parameters: { x: "A".repeat(60_000) }, target: { all: true } };
  const refused = await post("/api/v1/schedules", { name: "big", timing, job });
  expect([refused.status, await codeOf(refused)]).toEqual([413, "TOO_LARGE"]);
  expect(await target.pings()).toBe("success");
});

test("a schedule that names a crowd is refused, and so are more than there is room for", async () => {
  const agents = Array.from({ length: 20_000 }, (_, index) => `agent-${index}`);
  const crowd = { command: "x", target: { agents } };
  const refused = await post("/api/v1/schedules", { name: "crowd", timing, job: crowd });
  expect([refused.status, await codeOf(refused)]).toEqual([413, "TOO_LARGE"]);
  const job = { command: "x", parameters: { x: "A".repeat(48_000) }, target: { all: true } };
  let made = 0;
  for (; made < 1_000; made++) {
    const answer = await post("/api/v1/schedules", { name: `s${made}`, timing, job });
    if (answer.status === 201) continue;
    expect([answer.status, await codeOf(answer)]).toEqual([503, "BUSY"]);
    break;
  }
  expect(made).toBeGreaterThan(300);
  expect(made).toBeLessThan(400);
  const from = performance.now();
  expect(await target.pings()).toBe("success");
  expect(performance.now() - from).toBeLessThan(5_000);
});

test("a run that is asked for twice under one key is one job", async () => {
  const { id } = await target.agent();
  const job = { command: "x", target: { agents: [id] } };
  expect((await post("/api/v1/schedules", { name: "s0", timing, job })).status).toBe(409);
  await fetch(`${target.serving.url}/api/v1/schedules/s0`, {
    method: "DELETE",
    headers: { Authorization: `Bearer ${target.admin}` },
  });
  expect((await post("/api/v1/schedules", { name: "once", timing, job })).status).toBe(201);
  const run = async () => {
    const answer = await post("/api/v1/schedules/once/run", {}, { "Idempotency-Key": "k1" });
    return ((await answer.json()) as { job_id: string }).job_id;
  };
  expect(await run()).toBe(await run());
});

test("a crowd of wildcards is refused", async () => {
  const agents = Array.from({ length: 100_000 }, (_, index) => `*e*${index}`);
  const refused = await post("/api/v1/targets", { target: { agents } });
  expect([refused.status, await codeOf(refused)]).toEqual([400, "MALFORMED"]);
});

test("a large job is shown without what its outcomes have", async () => {
  const ids: string[] = [];
  for (let index = 0; index < 201; index++) {
    const body = JSON.stringify({ role: "agent", agent_id: `large-${index}` });
    await target.api("/api/v1/tokens", { method: "POST", body });
    ids.push(`large-${index}`);
  }
  const { token } = await target.newAgent();
  expect(token).not.toBe("");
  const made = await target.api("/api/v1/tokens", {
    method: "POST",
    body: JSON.stringify({ role: "agent", agent_id: "large-0" }),
  });
  const socket = await target.connect((made.body as { token: string }).token);
  const { jobId, requestIds } = await target.send("x", ids);
  const requestId = requestIds[0] ?? "";
  const says = (payload: object) =>
    JSON.stringify({
      type: "response",
      request_id: requestId,
      timestamp: new Date().toISOString(),
      payload,
    });
  socket.text(says({ status: "success", message: "m".repeat(9_000) }));
  for (;;) {
    const [first] = await target.requests(jobId);
    if (first?.state === "queued" || first?.state === "sent") continue;
    expect(first?.message).toBe("m".repeat(500));
    break;
  }
  await socket[Symbol.asyncDispose]();
});
