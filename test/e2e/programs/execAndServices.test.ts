/** `exec` within what the host allows, and `restart` of services that the host names. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { OutcomeLine } from "../../../lib/protocol/api/views.ts";
import {
  connectedAgent,
  type Running,
  type Serving,
  startServe,
  temporaryDir,
  wsctl,
} from "../../support/processes/processes.ts";

setDefaultTimeout(60_000);

const dataDir = temporaryDir();
const servicesDir = join(`${dataDir}`, "services.d");
const log = join(`${dataDir}`, "service.log");
let serving: Serving;
const agents: Running[] = [];

async function send(agent: string, command: string, parameters: object): Promise<OutcomeLine> {
  const to = ["--agent", agent, "--data-dir", `${dataDir}`, "--ttl", "30s", "--json"];
  const words = ["send", command, ...to, "--params", JSON.stringify(parameters)];
  const { stdout, stderr } = await wsctl(words);
  if (stdout !== "") return JSON.parse(stdout) as OutcomeLine;
  // What no agent would take is refused before it is sent.
  expect(stderr).toStartWith("wsctl: Cannot accept the job: parameters.");
  return { code: "INVALID_PARAMETERS", message: stderr } as OutcomeLine;
}

beforeAll(async () => {
  mkdirSync(servicesDir);
  const step = (line: string, rest = "") =>
    JSON.stringify(["/bin/sh", "-c", `echo ${line} | tee -a ${log}${rest}`]);
  writeFileSync(join(servicesDir, "web.toml"), `stop = ${step("stop")}\nstart = ${step("start")}`);
  writeFileSync(
    join(servicesDir, "ill.toml"),
    `stop = ${step("stop", "; exit 4")}\nstart = ${step("never")}`,
  );
  writeFileSync(join(servicesDir, "faulty.toml"), "unit = 3");
  serving = await startServe({ dataDir });
  const patterns = ["--allow-exec", "echo **", "--allow-exec", "cat"];
  const args = ["--services-dir", servicesDir];
  agents.push(await connectedAgent({ dataDir, id: "open", args: [...args, ...patterns] }));
  agents.push(await connectedAgent({ dataDir, id: "shut", args }));
});
afterAll(async () => {
  for (const agent of agents) await agent[Symbol.asyncDispose]();
  await serving?.[Symbol.asyncDispose]();
  dataDir[Symbol.dispose]();
});

describe("exec", () => {
  test("is off unless the host allows it", async () => {
    const outcome = await send("shut", "exec", { argv: ["echo", "hi"] });
    expect(outcome).toMatchObject({ outcome: "error", code: "FORBIDDEN" });
    expect(outcome.message).toContain("--allow-exec");
  });

  test("runs what a pattern allows, each argument as it is", async () => {
    const odd = ["$(id)", "; rm -rf /", "a  b", "*"];
    const outcome = await send("open", "exec", { argv: ["echo", ...odd] });
    expect(outcome).toMatchObject({ outcome: "success", message: odd.join(" ") });
    const fed = await send("open", "exec", { argv: ["cat"], stdin: "fed" });
    expect(fed).toMatchObject({ outcome: "success", message: "fed" });
  });

  test("exec: a program that no pattern allows is refused", async () => {
    for (const argv of [["cat", "/etc/passwd"], ["sh", "-c", "echo hi"], ["/bin/echo"]]) {
      expect(await send("open", "exec", { argv })).toMatchObject({ code: "FORBIDDEN" });
    }
    expect(await send("open", "exec", { argv: "echo" })).toMatchObject({
      code: "INVALID_PARAMETERS",
    });
  });
});

describe("restart of a service", () => {
  test("runs what the host says, in order, and leaves the agent be", async () => {
    const pid = agents[0]?.pid;
    const outcome = await send("open", "restart", { service: "web", delay_seconds: 0.2 });
    expect(outcome).toMatchObject({ outcome: "success", message: "stop\nstart" });
    expect(readFileSync(log, "utf8")).toBe("stop\nstart\n");
    expect(agents[0]?.lines.join("\n")).not.toContain("restarting");
    expect(agents[0]?.pid).toBe(pid ?? 0);
  });

  test("ends with the first step that fails", async () => {
    const outcome = await send("open", "restart", { service: "ill" });
    expect(outcome).toMatchObject({ outcome: "failed", result: { exit_code: 4 } });
    expect(readFileSync(log, "utf8")).not.toContain("never");
  });

  test("knows only services that the host names", async () => {
    const unknown = await send("open", "restart", { service: "db" });
    expect(unknown).toMatchObject({ code: "INVALID_PARAMETERS" });
    expect(unknown.message).toMatch(/service must be one of "faulty","ill","web"/);
    const faulty = await send("open", "restart", { service: "faulty" });
    expect(faulty.message).toContain("faulty.toml: unit must be");
    const wrong = await send("open", "restart", { service: "web", delay_seconds: -1 });
    expect(wrong).toMatchObject({ code: "INVALID_PARAMETERS" });
    const path = await send("open", "restart", { service: "../web" });
    expect(path).toMatchObject({ code: "INVALID_PARAMETERS" });
  });
});
