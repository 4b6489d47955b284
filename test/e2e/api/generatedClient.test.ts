/** A client that a stock generator makes from the document works on a real control plane. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { join } from "node:path";
import { emptyProject } from "../../support/fixtures/emptyProject.ts";
import { wsctl } from "../../support/processes/processes.ts";
import { type RawAgent, Target } from "../../support/processes/target.ts";

const program = `
import createClient from "openapi-fetch";
import type { components, paths } from "./api.ts";

const [, , baseUrl = "", token = "", agent = ""] = process.argv;
const client = createClient<paths>({ baseUrl, headers: { Authorization: \`Bearer \${token}\` } });

const created = await client.POST("/api/v1/jobs", {
  body: { command: "ping", target: { agents: [agent] } },
  params: { header: { "Idempotency-Key": "once" } },
});
if (created.data === undefined) throw new Error(created.error.error.code);
const job: components["schemas"]["JobView"] = created.data.job;
console.log(\`created \${job.job_id} \${created.data.requests[0]?.request_id}\`);

const shown = await client.GET("/api/v1/jobs/{job_id}", { params: { path: { job_id: job.job_id } } });
const states: string[] | undefined = shown.data?.requests.map((request) => request.state);
console.log(\`states \${states}\`);

const listed = await client.GET("/api/v1/jobs", { params: { query: { status: "open", limit: 5 } } });
console.log(\`listed \${listed.data?.items.length}\`);

const unknown = await client.GET("/api/v1/agents/{agent_id}", { params: { path: { agent_id: "none" } } });
console.log(\`error \${unknown.error?.error.code}\`);
`;

/** A wrong field, which the types must refuse. */
const wrong = program.replace('command: "ping"', 'comand: "ping"');

let target: Target;
let agent: RawAgent;
let project: string & Disposable;

beforeAll(async () => {
  target = await Target.start("binary");
  agent = await target.agent();
  const { stdout } = await wsctl(["schema", "openapi"]);
  project = emptyProject({
    copies: ["typescript=typescript5", "openapi-typescript", "openapi-fetch"],
    files: { "openapi.json": stdout, "main.ts": program, "wrong.ts": wrong },
  });
  const made = run(
    "node",
    "node_modules/openapi-typescript/bin/cli.js",
    "openapi.json",
    "-o",
    "api.ts",
  );
  if (made.exitCode !== 0) throw new Error(`${made.stderr}`);
}, 60_000);

afterAll(async () => {
  project[Symbol.dispose]();
  await agent[Symbol.asyncDispose]();
  await target[Symbol.asyncDispose]();
});

function run(...command: string[]) {
  return Bun.spawnSync(command, { cwd: `${project}` });
}

function typeCheck(file: string): string {
  const types = join(import.meta.dir, "../../../node_modules/bun-types");
  const flags = ["--noEmit", "--strict", "--skipLibCheck", "--module", "nodenext"];
  const more = ["--target", "esnext", "--allowImportingTsExtensions", "--types", types];
  return `${run("node", "node_modules/typescript/bin/tsc", ...flags, ...more, file).stdout}`;
}

test("openapi-typescript and openapi-fetch make a typed client", async () => {
  expect(typeCheck("main.ts")).toBe("");
  const { url } = target.serving;
  const child = Bun.spawn([process.execPath, "main.ts", url, target.admin, agent.id], {
    cwd: `${project}`,
    stderr: "inherit",
  });
  const lines = (await new Response(child.stdout).text()).trim().split("\n");
  const [, jobId, requestId = ""] = lines[0]?.split(" ") ?? [];
  expect(lines.slice(1)).toEqual(["states sent", "listed 1", "error NO_MATCH"]);
  await agent.command(requestId);
  agent.respond(requestId);
  const [request] = await target.ended(jobId ?? "");
  expect(request?.state).toBe("success");
}, 60_000);

test("the types refuse a field that the API does not know", () => {
  expect(typeCheck("wrong.ts")).toContain("'comand' does not exist");
}, 60_000);
