import { describe, expect, test } from "bun:test";
import type { AgentFacts } from "../../../../lib/agent/commands/command.ts";
import { check, commands, run } from "../../../../lib/agent/commands/registry.ts";
import type { JsonObject } from "../../../../lib/protocol/json.ts";

const facts: AgentFacts = {
  version: "1.2.3",
  runtime: "bun 1.4.5",
  hostname: "web-1",
  os: "linux",
  arch: "x64",
  pid: 4242,
  startedAt: 1_740_400_496_007,
};

function runHere(name: string, parameters: JsonObject = {}, signal = new AbortController().signal) {
  return run(name, parameters, { signal, facts });
}

describe("commands", () => {
  test("are ping, info and restart, each under its own name and with a summary", () => {
    expect([...commands.keys()].sort()).toEqual(["info", "ping", "restart"]);
    for (const [name, command] of commands) {
      expect(command.name).toBe(name);
      expect(command.summary).not.toBe("");
    }
  });
});

describe("check()", () => {
  test.each(["ping", "info", "restart"])("takes %s without parameters", (name) => {
    expect(check(name, {})).toEqual({ endsProcess: name === "restart" });
  });

  test.each(["shutdown", "", "Ping", "ping ", "__proto__", "constructor", "toString"])(
    "refuses %j in the standard's words",
    (name) => {
      expect(check(name, {})).toEqual({
        code: "INVALID_COMMAND",
        message: `The command '${name}' is not recognized. This agent knows: ping, info, restart.`,
      });
    },
  );

  test.each([0, 0.5, 10, 3_600])("takes a restart with a delay of %d s", (delay_seconds) => {
    expect(check("restart", { delay_seconds })).toEqual({ endsProcess: true });
  });

  const rule = "delay_seconds must be a number from 0 to 3600";
  test.each([
    ["restart", { delay_seconds: -1 }, rule],
    ["restart", { delay_seconds: 3_601 }, rule],
    ["restart", { delay_seconds: "10" }, rule],
    ["restart", { delay_seconds: null }, rule],
    ["restart", { delay_seconds: Number.NaN }, rule],
    ["restart", { delay: 1 }, "delay is not known here"],
    ["ping", { host: "x" }, "host is not known here"],
    ["info", { constructor: 1 }, "constructor is not known here"],
    ["ping", JSON.parse('{"__proto__":{"a":1}}'), "__proto__ is not known here"],
  ])("refuses %s with %j", (name, parameters, fault) => {
    expect(check(name, parameters)).toEqual({
      code: "INVALID_PARAMETERS",
      message: `parameters: ${fault}`,
    });
  });

  test("refuses parameters that are no object", () => {
    for (const parameters of [null, undefined, "x", 1, true]) {
      expect(check("ping", parameters)).toMatchObject({ code: "INVALID_PARAMETERS" });
    }
  });
});

describe("run()", () => {
  test("answers a ping with pong", async () => {
    expect(await runHere("ping")).toEqual({ status: "success", message: "pong" });
  });

  test("says with info what this host and this agent are", async () => {
    const answer = await runHere("info");
    expect(answer).toMatchObject({
      status: "success",
      message: "web-1, linux x64, wsctl 1.2.3",
      result: {
        hostname: "web-1",
        os: "linux",
        arch: "x64",
        version: "1.2.3",
        runtime: "bun 1.4.5",
        pid: 4242,
        started_at: "2025-02-24T12:34:56.007Z",
      },
    });
    const { result } = answer as { result: Record<string, unknown> };
    expect(JSON.parse(JSON.stringify(result))).toEqual(result);
    expect(result.cpus).toBeGreaterThan(0);
    expect(result.memory_bytes).toBeGreaterThan(0);
    expect(result.host_uptime_seconds).toBeGreaterThanOrEqual(0);
    expect(result.os_release).toBeString();
  });

  test("asks for the process to be replaced", async () => {
    expect(await runHere("restart")).toEqual({ status: "restart" });
    expect(await runHere("restart", { delay_seconds: 0.001 })).toEqual({ status: "restart" });
  });

  test("fails a restart that is told to stop while it waits, and before", async () => {
    const abort = new AbortController();
    const waiting = runHere("restart", { delay_seconds: 3_600 }, abort.signal);
    abort.abort();
    expect(await waiting).toMatchObject({
      status: "failed",
      message: expect.stringMatching(/abort/i),
    });
    const late = await runHere("restart", { delay_seconds: 3_600 }, AbortSignal.abort());
    expect(late).toMatchObject({ status: "failed" });
  });

  test("answers what was never checked as failed", async () => {
    expect(await runHere("no such")).toEqual({ status: "failed", message: 'no command "no such"' });
    expect(await runHere("ping", { host: "x" })).toMatchObject({ status: "failed" });
  });
});
