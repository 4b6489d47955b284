/** The packed library in empty projects, on each runtime, with the examples of the documentation. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { packageEntries } from "../../../scripts/package.ts";
import { emptyProject } from "../../support/fixtures/emptyProject.ts";
import { root } from "../../support/fixtures/sources.ts";
import { Running, temporaryDir, wsctl } from "../../support/processes/processes.ts";
import { Target } from "../../support/processes/target.ts";
import { PackedLibrary, runtimes } from "./packageFixture.ts";

let library: PackedLibrary;
let target: Target;

/** Programs that the documentation does not show. */
const programs = {
  "zodAgent.mjs": `
    import { createAgent, CommandFailure } from "wsctl/agent";
    import { z } from "zod";
    const [, , stateDir] = process.argv;
    const agent = createAgent({
      server: process.env.WSCTL_SERVER,
      token: process.env.WSCTL_TOKEN,
      ...(stateDir === undefined ? {} : { stateDir }),
      log: console,
    });
    let count = 0;
    agent.command("count", {
      parameters: z.strictObject({ step: z.number().int() }),
      run: ({ step }) => ({ count: (count += step) }),
    });
    agent.command("fail", {
      run: () => { throw new CommandFailure("half done", { done: 1 }); },
    });
    agent.command("hang", {
      run: (_, { signal }) => new Promise((_resolve, reject) => {
        signal.addEventListener("abort", () => reject(new Error("stopped")));
      }),
    });
    agent.command("slow_check", {
      parameters: { "~standard": { version: 1, vendor: "own", validate: async (value) =>
        value.ok === true ? { value } : { issues: [{ message: "must be ok", path: ["ok"] }] } } },
      run: () => "checked",
    });
    await agent.start();
    console.log("ready " + agent.isConnected);
    process.once("SIGTERM", () => agent.stop().then(() => console.log("stopped")));
  `,
};

beforeAll(async () => {
  library = await PackedLibrary.pack(programs);
}, 60_000);
afterAll(() => library[Symbol.dispose]());

interface Member extends AsyncDisposable {
  id: string;
  process: Running;
}

async function startMember(runtime: string, file: string, ...args: string[]): Promise<Member> {
  const { agent_id: id, token } = await target.newAgent();
  const env = { WSCTL_SERVER: target.serving.url, WSCTL_TOKEN: token };
  const child = new Running(library.command(runtime, file, ...args), { env });
  return { id, process: child, [Symbol.asyncDispose]: () => child[Symbol.asyncDispose]() };
}

async function send(agent: string, ...words: string[]) {
  const at = ["--server", target.serving.url, "--json", "--agent", agent];
  const env = { WSCTL_TOKEN: target.admin };
  const { stdout, code, stderr } = await wsctl(["send", ...words, ...at], { env });
  const line = stdout.trim() === "" ? {} : JSON.parse(stdout.trim().split("\n").at(-1) ?? "{}");
  return { ...line, exit: code, stderr } as Record<string, unknown>;
}

test.each(packageEntries)(
  "the API report of wsctl/%s is up to date (else: npm run package)",
  (name) => {
    const file = `${name}.api.md`;
    const written = readFileSync(join(library.reportDir, file), "utf8");
    expect(readFileSync(join(root, "docs/reference/api", file), "utf8")).toBe(written);
  },
);

/** A program in TypeScript; each line that ends in "refused" must be an error. */
const typed = `
import { createAgent } from "wsctl/agent";
import { createClient } from "wsctl/client";
import { encode } from "wsctl/protocol";
import { z } from "zod";
import * as v from "valibot";

createAgent({ server: "http://127.0.0.1:1", token: "" })
  .command("a", { parameters: z.object({ count: z.number() }), run: ({ count }) => count.toFixed() })
  .command("b", { parameters: v.object({ name: v.string() }), run: ({ name }) => name.trim() })
  .command("c", { parameters: v.object({ name: v.string() }), run: ({ other }) => other }); // refused
const client = createClient({ server: "http://127.0.0.1:1", token: "" });
const { requests } = await client.job("1");
requests.map((request) => request.state.toUpperCase());
await client.sendOnly({ command: "ping", target: { everyone: true } }); // refused
encode({ type: "command", request_id: "1", payload: {} }, 0); // refused
`;

test("the types of the package lead a program in TypeScript", () => {
  using own = emptyProject({
    files: { "main.ts": typed },
    links: ["zod"],
    tarball: library.tarball,
  });
  const flags = ["--noEmit", "--strict", "--module", "nodenext", "--target", "es2022"];
  const tsc = join(root, "node_modules/typescript5/bin/tsc");
  const { stdout } = Bun.spawnSync(["node", tsc, ...flags, "main.ts"], { cwd: `${own}` });
  const lines = [...`${stdout}`.matchAll(/^main\.ts\((\d+),/gm)].map(([, line]) => Number(line));
  const refused = typed.split("\n").flatMap((line, at) => (/refused$/.test(line) ? [at + 1] : []));
  expect({ lines: [...new Set(lines)], stdout: `${stdout}` }).toMatchObject({ lines: refused });
  expect(`${stdout}`.replaceAll(/^main\.ts.*\n(?: .*\n)*/gm, "")).toBe("");
}, 60_000);

describe.each(Object.keys(runtimes))("the package on %s", (runtime) => {
  beforeAll(async () => {
    target = await Target.start("binary");
  });
  afterAll(() => target[Symbol.asyncDispose]());

  test("the agent of the documentation runs commands, and rollouts stop at a failure", async () => {
    await using first = await startMember(runtime, "agent.mjs");
    await using second = await startMember(runtime, "agent.mjs");
    for (const { process: child } of [first, second]) await child.logged(/^connected$/);
    const env = { WSCTL_SERVER: target.serving.url, WSCTL_TOKEN: target.admin };
    const rollout = (version: string) =>
      Bun.spawnSync(library.command(runtime, "rollout.mjs", version), {
        cwd: `${library.project}`,
        env: { ...process.env, ...env },
      });
    const good = rollout("1.2.3");
    expect(`${good.stderr}`).toBe("");
    const lines = `${good.stdout}`.trim().split("\n");
    expect(lines[0]).toMatch(/^job \S+ for 2 agents$/);
    for (const { id } of [first, second]) {
      expect(lines).toContain(`${id}: deploying 1.2.3`);
      expect(lines).toContain(`${id}: success {"version":"1.2.3"}`);
    }
    expect(good.exitCode).toBe(0);
    const bad = rollout("6.6.6");
    expect(`${bad.stdout}`).toContain("failed this version does not start");
    expect(`${bad.stdout}`).toContain("cancelled");
    expect(bad.exitCode).toBe(1);
    const shown = await send(second.id, "current_version");
    expect([shown.outcome, shown.message]).toEqual(["success", "1.2.3"]);
    const refused = await send(first.id, "deploy", "--params", '{"version":"x"}');
    expect(refused.code ?? refused.stderr).toMatch(/INVALID_PARAMETERS|version/);
  }, 60_000);

  test("a session sends many jobs over one connection", async () => {
    await using first = await startMember(runtime, "agent.mjs");
    await using second = await startMember(runtime, "agent.mjs");
    for (const { process: child } of [first, second]) await child.logged(/^connected$/);
    const { stdout, stderr, exitCode } = Bun.spawnSync(
      library.command(runtime, "session.mjs", "100", first.id, second.id),
      {
        cwd: `${library.project}`,
        env: { ...process.env, WSCTL_SERVER: target.serving.url, WSCTL_TOKEN: target.admin },
      },
    );
    expect([`${stdout}`.trim(), `${stderr}`, exitCode]).toEqual(['{"success":100}', "", 0]);
  }, 60_000);

  test("an agent with Zod answers failures, timeouts and unknown commands as it should", async () => {
    await using dir = Object.assign(temporaryDir(), { [Symbol.asyncDispose]: async () => {} });
    await using member = await startMember(runtime, "zodAgent.mjs", `${dir}/state`);
    await member.process.logged(/^ready true$/);
    // The directory belongs to one process.
    await using twin = await startMember(runtime, "zodAgent.mjs", `${dir}/state`);
    expect(await twin.process.exited).not.toBe(0);
    expect(twin.process.lines.join("\n")).toContain("another process uses it");
    const counted = await send(member.id, "count", "--params", '{"step":2}');
    expect(counted).toMatchObject({ outcome: "success", result: { count: 2 } });
    const failed = await send(member.id, "fail");
    expect([failed.outcome, failed.message, failed.result]).toEqual([
      ...["failed", "half done", { done: 1 }],
    ]);
    const stopped = await send(member.id, "hang", "--timeout", "1s");
    expect([stopped.outcome, stopped.code]).toEqual(["error", "TIMEOUT"]);
    const wrong = await send(member.id, "slow_check", "--params", '{"ok":false}');
    expect([wrong.code, wrong.message]).toEqual([
      "NOT_STARTED",
      expect.stringContaining("ok: must be ok"),
    ]);
    const unknown = await send(member.id, "none", "--force");
    expect(unknown.code ?? unknown.stderr).toMatch(/INVALID_COMMAND|Unknown|command/);
    expect(await member.process.stop()).toBe(0);
    expect(member.process.lines).toContain("stopped");
    dir[Symbol.dispose]();
  }, 60_000);

  test("the codec refuses what the standard does not allow", async () => {
    const { stdout, stderr } = Bun.spawnSync(library.command(runtime, "standardPeer.mjs"), {
      cwd: `${library.project}`,
    });
    expect(`${stderr}`).toBe("");
    expect(`${stdout}`.trim().split("\n")).toEqual([
      '{"type":"command","request_id":"123456","timestamp":"2025-02-24T12:34:56.000Z","payload":{"command":"restart"}}',
      'MALFORMED: payload.cpu_usage must be a percentage such as "30%"',
      "at most 65536 bytes",
    ]);
  });
});
