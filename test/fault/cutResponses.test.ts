/** Responses that a dying control plane, or a proxy, cuts off in the middle, and foreign ones. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { join } from "node:path";
import type { JobView } from "../../lib/protocol/api/views.ts";
import { adminToken, expectRefusal, jsonLines } from "../support/processes/cli.ts";
import {
  connectedAgent,
  type Running,
  type Serving,
  startServe,
  temporaryDir,
  wsctl,
} from "../support/processes/processes.ts";
import { FaultProxy } from "./faultProxy.ts";

setDefaultTimeout(60_000);

describe("a response that is cut off", () => {
  const dataDir = temporaryDir();
  let serving: Serving;
  let agent: Running;
  let proxy: FaultProxy;

  beforeAll(async () => {
    serving = await startServe({ dataDir });
    agent = await connectedAgent({ dataDir, id: "web-1" });
    proxy = await FaultProxy.start();
    proxy.pointAt(Number(new URL(serving.url).port));
  });
  afterAll(async () => {
    await proxy[Symbol.asyncDispose]();
    await agent[Symbol.asyncDispose]();
    await serving[Symbol.asyncDispose]();
    dataDir[Symbol.dispose]();
  });

  const through = (...args: string[]) => {
    const server = ["--server", `http://127.0.0.1:${proxy.port}`];
    const env = { WSCTL_TOKEN: adminToken(`${dataDir}`) };
    return wsctl([...args, ...server], { env });
  };

  test.each([
    [["agents", "list", "--json"]],
    [["audit", "export"]],
    [["backup", "create", join(`${dataDir}`, "monday.wsctl")]],
  ])("is a lost connection for %j, in plain words", async (args) => {
    // The headers pass, and a part of the body.
    proxy.cutResponses(300, 9);
    expectRefusal(await through(...args), 3, /: connection lost. Run "wsctl doctor"/);
  });

  test("does not hide that the request may have had its effect", async () => {
    proxy.cutResponses(300, 1);
    const created = await through("tokens", "create", "--role", "viewer");
    expectRefusal(created, 3, /may have had its effect: check before you repeat it$/m);
  });

  test("does not create a second job, and the job is not reported as refused", async () => {
    proxy.cutResponses(0, 0);
    const count = async () => jsonLines<JobView>(await through("jobs", "list", "--json")).length;
    await through("send", "ping", "--agent", "web-1");
    const before = await count();
    // The selection of the agents is answered before the job is created.
    proxy.cutResponses(300, 1, /^POST \/api\/v1\/jobs /);
    const sent = await through("send", "ping", "--agent", "web-1", "--no-wait");
    expect(sent).toMatchObject({ code: 0, stdout: expect.stringMatching(/^[\da-f-]{36}\n$/) });
    expect(await count()).toBe(before + 1);
  });
});

test("a web page is not taken for an empty stream of events", async () => {
  using page = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: () => new Response("<html>") });
  const env = { WSCTL_TOKEN: `wsctl-${"0".repeat(12)}-${"0".repeat(64)}` };
  for (const args of [["events"], ["agents", "list"]]) {
    const read = await wsctl([...args, "--server", `http://127.0.0.1:${page.port}`], { env });
    expectRefusal(read, 3, /Unexpected response 200 from \S+: not a wsctl server/);
  }
});
