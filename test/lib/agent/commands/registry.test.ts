import { describe, expect, test } from "bun:test";
import { check, commands, run } from "../../../../lib/agent/commands/registry.ts";
import type { JsonObject } from "../../../../lib/protocol/json.ts";
import { contextWith } from "./facts.ts";

function runHere(name: string, parameters: JsonObject = {}) {
  return run(name, parameters, contextWith());
}

describe("commands", () => {
  test("are ping, info, restart and move_agent, each under its own name and with a summary", () => {
    expect([...commands.keys()].sort()).toEqual(["info", "move_agent", "ping", "restart"]);
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

  test.each(["shutdown", "", "__proto__", "constructor", "toString"])(
    "refuses %j in the standard's words",
    (name) => {
      expect(check(name, {})).toEqual({
        code: "INVALID_COMMAND",
        message: `The command '${name}' is not recognized. This agent knows: ping, info, restart, move_agent.`,
      });
    },
  );

  test.each(["Ping", "ping ", "pnig"])("refuses %j with the nearest name", (name) => {
    expect(check(name, {})).toEqual({
      code: "INVALID_COMMAND",
      message: `The command '${name}' is not recognized. Did you mean 'ping'? This agent knows: ping, info, restart, move_agent.`,
    });
  });

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
    ["restart", { delay: 1 }, "delay is unknown"],
    ["ping", { host: "x" }, "host is unknown"],
    ["info", { constructor: 1 }, "constructor is unknown"],
    ["ping", JSON.parse('{"__proto__":{"a":1}}'), "__proto__ is unknown"],
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

describe("check() on a name that is not ours", () => {
  test("bounds and cleans what it repeats of it", () => {
    const verdict = check("ping", { [`\u001b[2J${"x".repeat(40_000)}`]: 1 });
    if (verdict.code === undefined) throw new Error("taken");
    expect(verdict.message.length).toBeLessThan(200);
    expect(verdict.message).not.toContain("\u001b");
  });
});

describe("run()", () => {
  test("runs a command with its parameters", async () => {
    expect(await runHere("ping")).toEqual({ status: "success", message: "pong" });
    expect(await runHere("restart", { delay_seconds: 0 })).toEqual({ status: "restart" });
  });

  test('run(): returns "failed" for a command that does not exist', async () => {
    expect(await runHere("no such")).toEqual({ status: "failed", message: 'no command "no such"' });
    expect(await runHere("ping", { host: "x" })).toMatchObject({ status: "failed" });
    expect(await runHere("__proto__")).toMatchObject({ status: "failed" });
  });
});
