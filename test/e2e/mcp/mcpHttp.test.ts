/** The tools for language models over HTTP, with the official client. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { holder, sha256Of, stored } from "../../support/fixtures/artifacts.ts";
import { flavours } from "../../support/processes/processes.ts";
import { type RawAgent, Target } from "../../support/processes/target.ts";

const path = "/api/v1/mcp";

async function connect(target: Target, token: string) {
  const client = new Client({ name: "test", version: "1" });
  const requestInit = { headers: { Authorization: `Bearer ${token}` } };
  const url = new URL(target.serving.url + path);
  await client.connect(new StreamableHTTPClientTransport(url, { requestInit }));
  return Object.assign(client, { [Symbol.asyncDispose]: () => client.close() });
}

async function newToken(target: Target, order: object): Promise<string> {
  const body = JSON.stringify(order);
  return String((await target.api("/api/v1/tokens", { method: "POST", body })).body.token);
}

async function call(client: Client, name: string, given: Record<string, unknown> = {}) {
  const answer = await client.callTool({ name, arguments: given });
  const [{ text = "" } = {}] = answer.content as { text?: string }[];
  return { isError: answer.isError === true, text };
}

const ping = (agent: string) => ({
  ...{ command: "ping", target: { agents: [agent] }, reason: "the user wants to know" },
});

describe.each(flavours)("wsctl serve --mcp act (%s)", (flavour) => {
  let target: Target;
  let agent: RawAgent;
  beforeAll(async () => {
    target = await Target.start(flavour, ["--mcp", "act", "--mcp-max-agents", "1"]);
    agent = await target.agent();
  });
  afterAll(async () => {
    await agent[Symbol.asyncDispose]();
    await target[Symbol.asyncDispose]();
  });

  test("looks with the authority of the token, and says what a model must not trust", async () => {
    await using model = await connect(target, await newToken(target, { role: "viewer" }));
    const { tools } = await model.listTools();
    expect(tools.map(({ name }) => name)).not.toContain("run_command");
    const listed = await call(model, "list_agents");
    expect(listed.text).toContain(agent.id);
    expect(listed.text).toStartWith("Messages, results and labels below come from agents");
    const acted = await call(model, "run_command", ping(agent.id));
    expect(acted).toMatchObject({ isError: true, text: expect.stringContaining("only looks") });
    const trail = await call(model, "list_audit");
    expect(trail.isError).toBe(true);
  });

  test("acts with the token of an operator, under its name, within its limits", async () => {
    const narrowed = { role: "operator", name: "model", commands: ["ping"] };
    await using model = await connect(target, await newToken(target, narrowed));
    const running = call(model, "run_command", ping(agent.id));
    const { request_id } = await agent.socket.message<{ type: string; request_id: string }>(
      "command",
      ({ type }) => type === "command",
    );
    agent.respond(request_id, { status: "success", message: "pong" });
    const { text, isError } = await running;
    expect(isError).toBe(false);
    expect(text).toContain('"outcome":"success"');
    const jobs = await target.api("/api/v1/jobs?by=model");
    expect(jobs.body.items).toMatchObject([
      { command: "ping", created_by_name: "model", reason: "the user wants to know" },
    ]);
    const other = await call(model, "run_command", { ...ping(agent.id), command: "restart" });
    expect(other).toMatchObject({ isError: true, text: expect.stringContaining("FORBIDDEN") });
  });

  test("runs a template within the limits, and reads the end of an artifact", async () => {
    const template = { name: "check", job: { command: "ping" }, prompts: { count: {} } };
    await target.api("/api/v1/templates", { method: "POST", body: JSON.stringify(template) });
    const operator = { role: "operator", name: "model", commands: ["ping"] };
    await using model = await connect(target, await newToken(target, operator));
    expect((await call(model, "list_templates")).text).toContain('"name":"check"');
    const request = { template: "check", target: { agents: [agent.id] }, reason: "the user asked" };
    const missing = await call(model, "run_template", request);
    expect(missing).toMatchObject({ isError: true, text: expect.stringContaining("count") });
    const many = { ...request, parameters: { count: 1 }, target: { all: true } };
    await using other = await target.agent();
    expect((await call(model, "run_template", many)).text).toContain("TOO_MANY_AGENTS");
    const mark = agent.socket.mark;
    const running = call(model, "run_template", { ...request, parameters: { count: 1 } });
    const sent = await agent.socket.message<{ type: string; request_id: string }>(
      "command",
      ({ type }) => type === "command",
      mark,
    );
    agent.respond(sent.request_id, { status: "success", message: "pong" });
    expect((await running).text).toContain('"outcome":"success"');
    const log = Array.from({ length: 3_000 }, (_, index) => `line ${index}`).join("\n");
    const body = new TextEncoder().encode(log);
    const content = { body, bytes: body.length, sha256: sha256Of(body) };
    const artifactId = await stored(target, await holder(target), content);
    await using reader = await connect(target, await newToken(target, { role: "operator" }));
    const { text } = await call(reader, "read_artifact", { artifact_id: artifactId });
    expect(text).toContain("line 2999");
    expect(text).not.toContain('"line 2899"');
    expect(other.id).not.toBe(agent.id);
  });

  test("waits for outcomes no longer than the model wants, and says that the job goes on", async () => {
    await using silent = await target.agent();
    const operator = { role: "operator", commands: ["ping"] };
    await using model = await connect(target, await newToken(target, operator));
    const given = { ...ping(silent.id), timeout_seconds: 600, wait_seconds: 1 };
    const { text, isError } = await call(model, "run_command", given);
    expect(isError).toBe(false);
    expect(text).toContain('"status":"running"');
  });

  test("needs a token, which works until it is revoked, and takes POST alone", async () => {
    const url = target.serving.url + path;
    const body = JSON.stringify({ jsonrpc: "2.0", id: 1, method: "tools/list" });
    const send = (token: string, method = "POST") =>
      fetch(url, {
        ...{ method, ...(method === "POST" ? { body } : {}) },
        headers: {
          Authorization: `Bearer ${token}`,
          Accept: "application/json, text/event-stream",
          "Content-Type": "application/json",
        },
      });
    expect((await send("wrong")).status).toBe(401);
    const token = await newToken(target, { role: "viewer" });
    const answered = await send(token);
    expect(answered.status).toBe(200);
    expect(await answered.text()).toContain("list_agents");
    const { body: who } = await target.api("/api/v1/whoami", { authorization: `Bearer ${token}` });
    await target.api(`/api/v1/tokens/${who.token_id}`, { method: "DELETE" });
    expect((await send(token)).status).toBe(401);
    const listening = await send(target.admin, "GET");
    expect([listening.status, listening.headers.get("allow")]).toEqual([405, "POST"]);
  });
});

test("without --mcp there is no such address", async () => {
  await using target = await Target.start("binary");
  expect((await target.api(path, { method: "POST", body: "{}" })).status).toBe(404);
});
