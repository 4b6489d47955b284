/** A control plane from the packed library, and clients that trust an authority of its own. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { ArtifactDetail } from "../../../lib/protocol/api/artifacts.ts";
import { randomContent, sha256Of, storeArtifact } from "../../support/fixtures/artifacts.ts";
import {
  connectedAgent,
  Running,
  startServe,
  temporaryDir,
  wsctl,
} from "../../support/processes/processes.ts";
import { PackedLibrary, runtimes } from "./packageFixture.ts";

const tlsProgram = `
  import { createAgent } from "wsctl/agent";
  import { createClient } from "wsctl/client";
  const [, , server, token, caFile] = process.argv;
  const client = createClient({ server, token, caFile });
  const made = await client.createToken({ role: "agent", agent_id: "own" });
  const agent = createAgent({ server, token: made.token, caFile });
  await agent.start();
  const { lines } = await client.send({ command: "ping", target: { agents: ["own"] } });
  for await (const line of lines) console.log(line.outcome, line.message);
  await agent.stop();
  await createClient({ server, token }).whoami().catch((error) => console.log(error.code));
`;

let library: PackedLibrary;

beforeAll(async () => {
  library = await PackedLibrary.pack({ "tls.mjs": tlsProgram });
}, 60_000);
afterAll(() => library[Symbol.dispose]());

describe.each(["bun", "deno"])("a control plane inside an application on %s", (runtime) => {
  test("serves below its path, and takes people whom the application knows", async () => {
    using dataDir = temporaryDir();
    const env = { DATA_DIR: `${dataDir}` };
    await using app = new Running(library.command(runtime, "controlPlane.mjs"), { env });
    const [, url = ""] = await app.logged(/^serving (\S+)$/);
    const origin = new URL(url).origin;
    expect(new URL(url).pathname).toBe("/fleet");
    expect(await (await fetch(origin)).text()).toBe("the application");
    expect((await fetch(`${url}/healthz`)).status).toBe(200);
    expect((await fetch(`${origin}/api/v1/jobs`)).status).toBe(404);

    await using agent = await connectedAgent({ dataDir: `${dataDir}`, id: "web-1" });
    const sent = await wsctl(["send", "ping", "--agent", "web-1", "--data-dir", `${dataDir}`]);
    expect([sent.code, sent.stdout]).toEqual([0, expect.stringContaining("pong")]);

    const asAda = (path: string, init: RequestInit = {}) =>
      fetch(`${url}${path}`, { ...init, headers: { "X-Api-Key": "key-of-ada" } });
    expect(await (await asAda("/api/v1/whoami")).json()).toMatchObject({
      token_id: "host#ada",
      role: "operator",
    });
    const body = JSON.stringify({ command: "ping", target: { agents: ["web-1"] } });
    const created = await asAda("/api/v1/jobs", { method: "POST", body });
    const { job } = (await created.json()) as { job: { job_id: string; created_by: string } };
    expect(job.created_by).toBe("host#ada");
    const outcomes = await (await asAda(`/api/v1/jobs/${job.job_id}/outcomes`)).text();
    expect(JSON.parse(outcomes.trim())).toMatchObject({ outcome: "success" });
    expect((await asAda("/api/v1/tokens")).status).toBe(403);
    const content = randomContent(100);
    const id = await storeArtifact({ url, dataDir: `${dataDir}` }, "report.bin", content);
    const shown = (await (await asAda(`/api/v1/artifacts/${id}`)).json()) as ArtifactDetail;
    const file = shown.download?.url ?? "";
    expect((await fetch(url + file)).status).toBe(403);
    const downloaded = await (await asAda(file)).arrayBuffer();
    expect(sha256Of(new Uint8Array(downloaded))).toBe(content.sha256);
    // The application vouches for one request, and a session would outlast it.
    const session = await asAda("/api/v1/session");
    expect([session.status, await session.text()]).toEqual([
      403,
      expect.stringContaining("vouches for single requests only"),
    ]);
    expect((await fetch(`${url}/api/v1/whoami`)).status).toBe(401);
    expect(agent.hasExited).toBe(false);
    expect(await app.stop()).toBe(0);
  }, 60_000);
});

test.each(Object.keys(runtimes))(
  "on %s, agent and client trust the given authority and no other",
  async (runtime) => {
    using dataDir = temporaryDir();
    await using serving = await startServe({ dataDir: `${dataDir}`, args: ["--tls", "on"] });
    const { token } = JSON.parse(readFileSync(join(`${dataDir}`, "local.json"), "utf8"));
    const ca = join(`${dataDir}`, "tls", "ca.pem");
    const child = Bun.spawn(library.command(runtime, "tls.mjs", serving.url, token, ca), {
      stderr: "pipe",
    });
    const lines = (await new Response(child.stdout).text()).trim().split("\n");
    expect([lines, await new Response(child.stderr).text()]).toEqual([
      ["success pong", "UNREACHABLE"],
      "",
    ]);
  },
  60_000,
);
