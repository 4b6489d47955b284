/** The OpenAPI document tells the truth about a real control plane. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import Ajv2020, { type ValidateFunction } from "ajv/dist/2020.js";
import addFormats from "ajv-formats";
import { wsctl } from "../../support/processes/processes.ts";
import { type RawAgent, Target } from "../../support/processes/target.ts";

interface Answer {
  description: string;
  content?: Record<string, object>;
}
interface Operation {
  operationId: string;
  responses: Record<string, Answer | { $ref: string }>;
}
type Document = { paths: Record<string, Record<string, Operation>> } & Record<string, unknown>;

let target: Target;
let agent: RawAgent;
let document: Document;
let ajv: Ajv2020;
/** Operations whose answer was compared. */
const seen = new Set<string>();

beforeAll(async () => {
  target = await Target.start("binary", ["--webhook-allow", "127.0.0.1"]);
  agent = await target.agent();
  document = (await target.api("/api/v1/openapi.json")).body as unknown as Document;
  ajv = new Ajv2020({ strict: false, allErrors: true });
  addFormats(ajv);
  ajv.addSchema(closed(document), "openapi");
});

afterAll(async () => {
  await agent[Symbol.asyncDispose]();
  await target[Symbol.asyncDispose]();
});

/** A field that the document does not know is an error here, though not for a client. */
function closed(value: object): object {
  const copy = structuredClone(value) as object;
  const walk = (each: unknown): void => {
    if (typeof each !== "object" || each === null) return;
    const schema = each as Record<string, unknown>;
    if (schema.type === "object" && "properties" in schema && !("additionalProperties" in schema)) {
      schema.additionalProperties = false;
    }
    for (const inner of Object.values(schema)) walk(inner);
  };
  walk((copy as { components: { schemas: object } }).components.schemas);
  return copy;
}

function pointer(...parts: string[]): string {
  const escaped = parts.map((part) => part.replaceAll("~", "~0").replaceAll("/", "~1"));
  return `openapi#/${escaped.map(encodeURIComponent).join("/")}`;
}

function schemaOf(path: string, method: string, status: number, type: string): ValidateFunction {
  const parts = ["paths", path, method, "responses", String(status), "content", type, "schema"];
  const found = ajv.getSchema(pointer(...parts));
  if (found === undefined) throw new Error(`not described: ${method} ${path} ${status} ${type}`);
  return found;
}

/** Calls a route as the document describes it, and compares the answer with the document. */
async function call(
  operationId: string,
  path: Record<string, string> = {},
  body?: object,
  query = "",
): Promise<Record<string, string> & Record<string, object>> {
  const [at = "", methods = {}] =
    Object.entries(document.paths).find(([, each]) =>
      Object.values(each).some((operation) => operation.operationId === operationId),
    ) ?? [];
  const [method = ""] =
    Object.entries(methods).find(([, each]) => each.operationId === operationId) ?? [];
  const url = at.replaceAll(/\{(\w+)\}/g, (_, name) => path[name] ?? "");
  const sent = body === undefined ? {} : { body: JSON.stringify(body) };
  const answer = await target.api(`${url}${query}`, { method: method.toUpperCase(), ...sent });
  expect([operationId, Object.keys(methods[method]?.responses ?? {})]).toEqual([
    operationId,
    expect.arrayContaining([`${answer.status}`]),
  ]);
  if (answer.status !== 204) {
    const type = answer.headers.get("content-type")?.split(";")[0] ?? "";
    const check = schemaOf(at, method, answer.status, type);
    const isValid = check(answer.body);
    expect([operationId, check.errors ?? [], answer.body]).toEqual([operationId, [], answer.body]);
    expect(isValid).toBeTrue();
  }
  seen.add(operationId);
  return answer.body as Record<string, string> & Record<string, object>;
}

describe("the answers of a real control plane are as the document says", () => {
  test("jobs", async () => {
    const order = { command: "ping", target: { all: true }, rollout: { batch: 1 } };
    const { job } = await call("createJob", {}, order);
    const { job_id } = job as unknown as { job_id: string };
    const { requests } = (await call("getJob", { job_id })) as unknown as {
      requests: { request_id: string }[];
    };
    const id = requests[0]?.request_id ?? "";
    await agent.command(id);
    await call("pauseJob", { job_id });
    await call("resumeJob", { job_id });
    agent.respond(id, { status: "failed", message: "no" });
    await target.ended(job_id);
    await call("getJob", { job_id });
    const retried = await call("retryJob", { job_id }, { which: ["failed"] });
    const again = (retried.job as unknown as { job_id: string }).job_id;
    await call("cancelJob", { job_id: again });
    await call("listJobs", {}, undefined, "?status=failed&limit=1");
    for (const [name, method, text] of [
      ["followOutcomes", "GET", ""],
      ["followJob", "POST", '{"after": 0}'],
    ] as const) {
      const path = name === "followJob" ? "stream" : "outcomes";
      const response = await fetch(`${target.serving.url}/api/v1/jobs/${job_id}/${path}`, {
        method,
        ...(text === "" ? {} : { body: text }),
        headers: { Authorization: `Bearer ${target.admin}` },
      });
      const at = `/api/v1/jobs/{job_id}/${path}`;
      const check = schemaOf(at, method.toLowerCase(), 200, "application/x-ndjson");
      for (const line of (await response.text()).trim().split("\n")) {
        expect([check(JSON.parse(line)), check.errors]).toEqual([true, null]);
      }
      seen.add(name);
    }
  });

  test("targets and agents", async () => {
    await call("resolveTarget", {}, { target: { all: true, sample: "50%" } });
    agent.say("status_update", { cpu_usage: "3%", memory_usage: "1GB" });
    const agent_id = agent.id;
    await call("labelAgent", { agent_id }, { labels: { env: "prod" } });
    await call("drainAgent", { agent_id });
    await call("undrainAgent", { agent_id });
    await call("listAgents", {}, undefined, "?latency=true&selector=env%3Dprod");
    await call("getAgent", { agent_id });
    const { agent_id: other } = await target.newAgent();
    await call("revokeAgent", { agent_id: other });
    await call("deleteAgent", { agent_id: other });
  });

  test("schedules", async () => {
    const job = { command: "ping", target: { all: true } };
    await call("createSchedule", {}, { name: "nightly", timing: { cron: "0 3 * * *" }, job });
    await call("listSchedules");
    await call("pauseSchedule", { name: "nightly" });
    await call("resumeSchedule", { name: "nightly" });
    await call("runSchedule", { name: "nightly" });
    await call("getSchedule", { name: "nightly" });
    await call("deleteSchedule", { name: "nightly" });
  });

  test("templates and saved targets", async () => {
    const job = { command: "ping", target: { all: true } };
    await call("createTemplate", {}, { name: "check", job });
    await call("listTemplates");
    await call("getTemplate", { name: "check" });
    await call("runTemplate", { name: "check" }, {});
    await call("triggerTemplate", { name: "check" });
    await call("deleteTemplate", { name: "check" });
    await call("saveTarget", {}, { name: "web", selector: "role=web" });
    await call("listSavedTargets");
    await call("deleteSavedTarget", { name: "web" });
  });

  test("webhooks and events", async () => {
    const url = "http://127.0.0.1:9/hook";
    await call("createWebhook", {}, { name: "chat", url, events: ["job.failed"] });
    await call("listWebhooks");
    await call("getWebhook", { name: "chat" });
    await call("testWebhook", { name: "chat" });
    await call("deleteWebhook", { name: "chat" });
    const response = await fetch(`${target.serving.url}/api/v1/events?after=0&types=job.created`, {
      headers: { Authorization: `Bearer ${target.admin}` },
    });
    const check = schemaOf("/api/v1/events", "get", 200, "text/event-stream");
    let text = "";
    for await (const part of response.body as ReadableStream<Uint8Array>) {
      text += new TextDecoder().decode(part);
      if (/^data: .*\n/m.test(text)) break;
    }
    const [, data = "{}"] = /^data: (.*)$/m.exec(text) ?? [];
    expect([check(JSON.parse(data)), check.errors]).toEqual([true, null]);
    seen.add("streamEvents");
  });

  test("tokens", async () => {
    const made = await call("createToken", {}, { role: "operator", commands: ["ping"] });
    await call("createToken", {}, { role: "join", uses: 2 });
    const { token_id = "" } = made;
    await call("rotateToken", { token_id });
    await call("listTokens");
    await call("revokeToken", { token_id });
    await call("whoami");
    await call("recordToolCall", { tool: "list_agents" });
  });

  test("artifacts", async () => {
    const text = "content";
    const sha256 = createHash("sha256").update(text).digest("hex");
    const order = { name: "a.txt", bytes: text.length, sha256, kind: "release" };
    const made = await call("createArtifact", {}, order);
    const { artifact_id = "" } = made;
    const { url, headers } = made.upload as unknown as {
      url: string;
      headers: Record<string, string>;
    };
    const upload = await fetch(new URL(url, target.serving.url), {
      ...{ method: "PUT", body: text, headers },
    });
    expect(upload.ok).toBeTrue();
    await call("completeArtifact", { artifact_id });
    await call("getArtifact", { artifact_id });
    await call("listArtifacts");
    await call("deleteArtifact", { artifact_id });
  });

  test("the audit trail, releases, health and the document", async () => {
    await call("listAudit", {}, undefined, "?after=0&limit=5");
    await call("verifyAudit");
    await call("listReleases");
    await call("health");
    await call("readiness");
    await call("getChallenge");
    await call("getOpenApi");
  });

  test("errors", async () => {
    const { status, headers, body } = await target.api("/api/v1/jobs/unknown");
    expect([status, headers.get("content-type")]).toEqual([404, "application/problem+json"]);
    const check = ajv.getSchema(pointer("components", "schemas", "ErrorBody"));
    expect([check?.(body), check?.errors]).toEqual([true, null]);
  });

  test("all operations were called but those whose tests stand elsewhere", () => {
    const all = Object.values(document.paths).flatMap((each) =>
      Object.values(each).map((operation) => operation.operationId),
    );
    expect(all.filter((id) => !seen.has(id)).sort()).toEqual([
      ...[
        "approveAgent",
        "approveJob",
        "createBackup",
        "deleteRelease",
        "finishLogin",
        "getCluster",
        "getRelease",
      ],
      ...["join", "login", "openSession"],
      ...["publishRelease", "renewAgentKey", "scrapeMetrics", "startLogin"],
    ]);
  });
});

test("a token is needed, and wsctl schema prints the same document without one", async () => {
  const { status } = await target.api("/api/v1/openapi.json", { authorization: "" });
  expect(status).toBe(401);
  const { stdout, code } = await wsctl(["schema", "openapi"]);
  expect([code, JSON.parse(stdout)]).toEqual([0, document]);
});

test("wsctl schema prints the messages of the standard unless wsctl.v1 is asked for", async () => {
  const standard = await wsctl(["schema", "json-schema"]);
  const own = await wsctl(["schema", "json-schema", "--protocol", "wsctl.v1"]);
  expect(Object.keys(JSON.parse(standard.stdout).$defs)).not.toContain("Hello");
  expect(Object.keys(JSON.parse(own.stdout).$defs)).toContain("Hello");
  const { stdout } = await wsctl(["schema", "asyncapi"]);
  expect(JSON.parse(stdout).asyncapi).toBe("3.0.0");
});
