/** The tools for language models, judged by the official inspector and the official conformance suite. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { createServer, request } from "node:http";
import { join } from "node:path";
import { toAnswer } from "../../support/clients/model.ts";
import { root } from "../../support/fixtures/sources.ts";
import { temporaryDir, wsctlCommand } from "../../support/processes/processes.ts";
import { Target } from "../../support/processes/target.ts";

const inspector = join(
  root,
  "node_modules/@modelcontextprotocol/inspector/clients/launcher/build/index.js",
);
const suite = join(root, "node_modules/@modelcontextprotocol/conformance/dist/index.js");
const node = join(root, "node_modules/node22/bin/node");
const path = "/api/v1/mcp";

let dir: string & Disposable;
let target: Target;
let token: string;

beforeAll(async () => {
  dir = temporaryDir();
  target = await Target.start("binary", ["--mcp", "act"]);
  await target.newAgent();
  const body = JSON.stringify({ role: "operator", name: "model", commands: ["ping"] });
  token = String((await target.api("/api/v1/tokens", { method: "POST", body })).body.token);
});

afterAll(async () => {
  await target[Symbol.asyncDispose]();
  dir[Symbol.dispose]();
});

async function run(script: string, args: string[]) {
  const child = Bun.spawn([node, script, ...args], {
    env: { HOME: `${dir}`, PATH: process.env.PATH ?? "" },
    ...{ stdin: "ignore", stdout: "pipe", stderr: "pipe" },
  });
  const [stdout, stderr] = await Promise.all([child.stdout.text(), child.stderr.text()]);
  return { status: await child.exited, stdout, stderr };
}

describe.each(["standard input and output", "HTTP"])("the official inspector over %s", (by) => {
  const inspect = (...args: string[]) => {
    const [command = "", ...words] = [...wsctlCommand("binary"), "mcp", "--allow-actions"];
    const url = target.serving.url;
    const place =
      by === "HTTP"
        ? ["--server-url", url + path, "--header", `Authorization: Bearer ${token}`]
        : ["-e", `WSCTL_SERVER=${url}`, "-e", `WSCTL_TOKEN=${token}`, "--", command, ...words];
    const transport = by === "HTTP" ? ["--transport", "http"] : [];
    return run(inspector, [...["--cli", ...args, ...transport, ...place]]);
  };

  test("lists tools whose schemas have no flaw for any client", async () => {
    const { status, stdout, stderr } = await inspect("--strict", "--method", "tools/list");
    expect(stderr).not.toContain("Warning");
    expect(status).toBe(0);
    const { tools } = JSON.parse(stdout) as { tools: { name: string; annotations: object }[] };
    const acting = ["run_command", "run_template", "cancel_job"];
    expect(tools.map(({ name }) => name)).toEqual(expect.arrayContaining(acting));
    for (const { name, annotations } of tools) {
      const isActing = acting.includes(name);
      expect(annotations).toMatchObject({ readOnlyHint: !isActing, destructiveHint: isActing });
    }
  });

  test("calls a tool and reads a resource", async () => {
    const called = await inspect(
      ...["--method", "tools/call", "--tool-name", "plan_command", "--tool-arg", "command=ping"],
      ...["--tool-arg", 'target={"all":true}'],
    );
    expect(toAnswer(JSON.parse(called.stdout)).value).toMatchObject({
      agents: [{ agent_id: "agent-1", online: false }],
    } as never);
    const read = await inspect("--method", "resources/read", "--uri", "wsctl://agents");
    expect(read.stdout).toContain("agent-1");
  });
});

describe("the official conformance suite", () => {
  /** The suite has no token, so that one is added on the way. */
  async function withToken() {
    const { hostname, port, host } = new URL(target.serving.url);
    const proxy = createServer((incoming, answer) => {
      const own = `:${(proxy.address() as { port: number }).port}`;
      const headers = Object.fromEntries(
        Object.entries(incoming.headers).map(([name, value]) => [
          name,
          `${value}`.replace(own, `:${port}`),
        ]),
      );
      const { method, url: at } = incoming;
      const all = { ...headers, authorization: `Bearer ${token}` };
      const outgoing = request({ hostname, port, path: at, method, headers: all }, (response) => {
        answer.writeHead(response.statusCode ?? 502, response.headers);
        response.pipe(answer);
      });
      outgoing.once("error", () => answer.destroy());
      incoming.pipe(outgoing);
    });
    const listening = Promise.withResolvers<void>();
    proxy.listen(0, "127.0.0.1", () => listening.resolve());
    await listening.promise;
    const url = `http://127.0.0.1:${(proxy.address() as { port: number }).port}${path}`;
    return Object.assign(proxy, { url, host });
  }

  // The others need tools of a test server, prompts or sessions.
  const passed = ["server-initialize", "ping", "tools-list", "resources-list"];
  test.each(passed)("passes %s", async (scenario) => {
    await using proxy = await withToken();
    const args = ["server", "--url", proxy.url, "--scenario", scenario];
    const { status, stdout } = await run(suite, args);
    expect(stdout).toMatch(/Passed: (\d+)\/\1, 0 failed, 0 warnings/);
    expect(status).toBe(0);
  });

  test("sees that pages cannot reach the server by another name; not even pages of this host", async () => {
    await using proxy = await withToken();
    const args = ["server", "--url", proxy.url, "--scenario", "dns-rebinding-protection"];
    const { stdout } = await run(suite, args);
    const results = [...stdout.matchAll(/\[([a-z-]+) *\] \S*?(SUCCESS|FAILURE)/g)];
    expect(results.map(([, name, result]) => `${name} ${result}`)).toEqual([
      "localhost-host-rebinding-rejected SUCCESS",
      // No page may call the API.
      "localhost-host-valid-accepted FAILURE",
    ]);
  });
});
