import { describe, expect, test } from "bun:test";
import * as v from "valibot";
import { JobRequest } from "../../../../lib/protocol/api/jobs.ts";
import { Target } from "../../../../lib/protocol/api/target.ts";
import { roles, TokenRequest } from "../../../../lib/protocol/api/tokens.ts";
import { outcomes } from "../../../../lib/protocol/api/views.ts";
import { formatIssue } from "../../../../lib/protocol/schemaError.ts";

const order = { command: "ping", target: { all: true } };

function faultOf(schema: v.GenericSchema, value: unknown): string {
  const parsed = v.safeParse(schema, value);
  return parsed.success ? "accepted" : formatIssue(parsed.issues[0]);
}

describe("JobOrder", () => {
  test("fills in the TTL, and leaves the timeout to the command", () => {
    expect(v.parse(JobRequest, order)).toEqual({
      command: "ping",
      target: { all: true },
      ttl_seconds: 3_600,
      priority: "normal",
      require_online: false,
    });
  });

  test.each([
    { ...order, target: { agents: ["web-1"] } },
    { ...order, target: { agents: ["web-1", "web-2", "web-1"] } },
    { ...order, parameters: {} },
    { ...order, parameters: { a: [1, null, { b: "c" }] } },
    { ...order, timeout_seconds: 1 },
    { ...order, timeout_seconds: 86_400 },
    { ...order, timeout_seconds: 1.5 },
    { ...order, ttl_seconds: 1 },
    { ...order, ttl_seconds: 604_800 },
  ])("takes %j", (body) => {
    expect(v.parse(JobRequest, body)).toMatchObject(body);
  });

  const timeoutRule = "timeout_seconds must be a number from 1 to 86400";
  const ttlRule = "ttl_seconds must be a number from 1 to 604800";
  test.each([
    [{}, "command is missing"],
    [{ command: "ping" }, "target is missing"],
    [{ ...order, command: "" }, "command must not be empty"],
    [{ ...order, command: 5 }, "command must be a string"],
    [{ ...order, command: "a\nb" }, "command must be printable"],
    [{ ...order, command: "x".repeat(129) }, "command must be of at most 128 characters"],
    [{ ...order, parameters: null }, "parameters must be an object"],
    [{ ...order, parameters: [] }, "parameters must be an object"],
    [{ ...order, parameters: "x" }, "parameters must be an object"],
    [{ ...order, timeout_seconds: 0 }, timeoutRule],
    [{ ...order, timeout_seconds: 0.999 }, timeoutRule],
    [{ ...order, timeout_seconds: 86_401 }, timeoutRule],
    [{ ...order, timeout_seconds: "30" }, timeoutRule],
    [{ ...order, timeout_seconds: null }, timeoutRule],
    [{ ...order, timeout_seconds: Number.NaN }, timeoutRule],
    [{ ...order, timeout_seconds: Number.POSITIVE_INFINITY }, timeoutRule],
    [{ ...order, ttl_seconds: 0 }, ttlRule],
    [{ ...order, ttl_seconds: 604_801 }, ttlRule],
    [{ ...order, ttl_seconds: "1h" }, ttlRule],
    [{ ...order, timeout: 30 }, "timeout is unknown"],
    [{ ...order, constructor: 1 }, "constructor is unknown"],
    [JSON.parse('{"command":"ping","target":{"all":true},"__proto__":1}'), "__proto__ is unknown"],
  ])("refuses %j: %s", (body, fault) => {
    expect(faultOf(JobRequest, body)).toBe(fault);
  });

  test("refuses a body that is no job request", () => {
    for (const body of [undefined, null, [], [order], "ping", 1, true]) {
      expect([body, v.is(JobRequest, body)]).toEqual([body, false]);
    }
  });
});

describe("Target", () => {
  const selectorFault =
    'selector must be a selector: Cannot parse "(" in selector: a value is letters and digits, with ".", "_" or "-" between them, * and ?, or empty. Example: "env=prod,role in (web,api),!canary"';
  const shape = 'must have "agents", "selector" or both, or else "all": true';
  test.each([
    [{}, shape],
    [{ all: false }, "all must be true"],
    [{ all: 1 }, "all must be true"],
    [{ agent: "web-1" }, "agent is unknown"],
    [{ agents: "web-1" }, "agents must be a list of ids"],
    [{ agents: ["web-1"], all: true }, shape],
    [{ selector: "env=prod", all: true }, shape],
    [{ selector: "env=(" }, selectorFault],
    [{ all: true, seed: "a" }, 'has a "seed" without "sample"'],
    [
      { all: true, sample: "120%" },
      'sample must be a whole number from 1, or a percentage such as "10%"',
    ],
    [
      { all: true, sample: "0.0%" },
      'sample must be a whole number from 1, or a percentage such as "10%"',
    ],
    [
      { all: true, sample: 0 },
      'sample must be a whole number from 1, or a percentage such as "10%"',
    ],
    [{ agents: Array(33).fill("a*") }, "agents has more than 32 with * or ?"],
    [
      { agents: ["*a*b*c*d*"] },
      "agents.0 must be lower-case letters and digits, with '.', '_' or '-' between them, * (at most 4) or ?",
    ],
    [null, "must be an object"],
    ["all", "must be an object"],
    [{ agents: [] }, "agents names no agent"],
  ])("refuses %j", (target, fault) => {
    expect(faultOf(Target, target)).toBe(fault);
  });

  test.each(["Web-1", "", "a/b", " a", "a\n"])("refuses an id that none can have: %j", (id) => {
    expect(faultOf(Target, { agents: ["good", id] })).toStartWith("agents.1 must ");
  });

  test.each([
    { agents: ["web-*", "db-?"] },
    { selector: "env=prod or not os=linux" },
    { agents: ["web-*"], selector: "env=prod", sample: "10%", seed: "monday" },
    { all: true, sample: 5 },
  ])("takes %j", (target) => {
    expect(v.is(Target, target)).toBe(true);
  });

  test("takes 100000 agents and refuses one more", () => {
    const agents = Array.from({ length: 100_000 }, (_, index) => `a${index}`);
    expect(v.is(Target, { agents })).toBe(true);
    expect(faultOf(Target, { agents: [...agents, "more"] })).toBe(
      "agents names more than 100000 agents",
    );
  });
});

describe("TokenOrder", () => {
  test.each([{ role: "agent", agent_id: "web-1" }, { role: "operator" }, { role: "admin" }])(
    "takes %j",
    (body) => {
      expect(v.parse(TokenRequest, body) as object).toEqual(body);
    },
  );

  test.each([
    [{}],
    [null],
    [[]],
    ["admin"],
    [{ role: "agent" }],
    [{ role: "agent", agent_id: "" }],
    [{ role: "agent", agent_id: "Web-1" }],
    [{ role: "agent", agent_id: null }],
    [{ role: "agent", agent_id: "a", extra: 1 }],
    [{ role: "operator", agent_id: "web-1" }],
    [{ role: "admin", agent_id: "web-1" }],
    [{ role: "root" }],
    [{ role: "Admin" }],
    [{ role: ["admin"] }],
    [{ agent_id: "web-1" }],
  ])("refuses %j", (body) => {
    expect(v.is(TokenRequest, body)).toBe(false);
  });
});

describe("the closed lists of the API", () => {
  test("outcomes are the six ends of a request", () => {
    const ends = ["cancelled", "error", "expired", "failed", "lost", "success"];
    expect([...outcomes].sort() as string[]).toEqual(ends);
  });

  test("roles are these eight", () => {
    const people = ["admin", "metrics", "operator", "trigger", "viewer"];
    expect([...roles].sort() as string[]).toEqual([...people, "agent", "join", "login"].sort());
  });
});
