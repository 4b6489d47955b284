/** What an agent announces is anybody's text: it neither stops nor slows the control plane. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { createHash, randomUUID } from "node:crypto";
import type { AgentDetail } from "../../lib/protocol/api/views.ts";
import { capabilitiesBytesMax } from "../../lib/protocol/limits.ts";
import type { StandardMessage } from "../support/clients/foreignPeer.ts";
import { connectedAgent, type Running } from "../support/processes/processes.ts";
import { RawAgent, Target } from "../support/processes/target.ts";

setDefaultTimeout(120_000);

let target: Target;
let honest: Running;

beforeAll(async () => {
  target = await Target.start("binary");
  honest = await connectedAgent({ dataDir: target.serving.dataDir, id: "honest" });
});
afterAll(async () => {
  await honest?.[Symbol.asyncDispose]();
  await target?.[Symbol.asyncDispose]();
});

const sha256 = (text: string) => createHash("sha256").update(text).digest("hex");

/** An agent of wsctl.v1 by hand, that has announced this text under this digest. */
async function announcing(text: string, digest = sha256(text)): Promise<RawAgent> {
  const { agent_id, token, token_id } = await target.newAgent();
  const socket = await target.connect(token, ["Sec-WebSocket-Protocol: wsctl.v1"]);
  const agent = new RawAgent({ id: agent_id, token, tokenId: token_id, socket });
  agent.say("hello", {
    ...{ protocol_version: 1, version: "9.9.9", journal_id: "new", epoch: 0 },
    ...{ instance_id: randomUUID(), capabilities_digest: digest },
  });
  await socket.message<Welcome>("welcome", ({ type }) => type === "welcome");
  agent.say("capabilities", { digest, text });
  // What is answered once all of that was read: nobody has asked for this.
  agent.respond("nobody-asked");
  const answered = await socket.message<StandardMessage>("error", ({ type }) => type === "error");
  if (text.length <= capabilitiesBytesMax) expect(answered.payload.code).toBe("UNKNOWN_REQUEST");
  else expect(answered.payload).toMatchObject({ code: "MALFORMED" });
  return agent;
}

interface Welcome {
  type: string;
}

const catalogueOf = (parameters: unknown) =>
  JSON.stringify([{ name: "work", description: "d", parameters }]);
const withProperty = (property: object) =>
  catalogueOf({ type: "object", properties: { text: property } });

/** Asks for the hostile agent's command while the honest one is asked; answers with how that went. */
async function asked(agent: RawAgent, parameters: object) {
  const body = { command: "work", parameters, target: { agents: [agent.id] }, ttl_seconds: 60 };
  const startedAt = performance.now();
  const hostile = target.api("/api/v1/jobs", { method: "POST", body: JSON.stringify(body) });
  const { jobId } = await target.send("ping", ["honest"]);
  expect(await target.ended(jobId)).toMatchObject([{ state: "success" }]);
  const { status } = await hostile;
  // Hours, where it is caught; this is a quarter of a minute under the heaviest load.
  expect(performance.now() - startedAt).toBeLessThan(15_000);
  return status;
}

const shown = async (agent: RawAgent) =>
  ((await target.view(agent.id)) as AgentDetail).commands?.map(({ name }) => name);

describe("a pattern that backtracks", () => {
  const longText = "a".repeat(40_000);
  const patterns: [pattern: string, text: string][] = [
    ["^(a+)+$", `${longText}!`],
    ["^(a|aa)+$", `${longText}!`],
    ["(.*a){20}", longText],
    ["^(?:a*)*b", longText],
    ["a*a*b", longText],
    ["a*a*b", "a".repeat(4_000)],
    ["a*b", longText],
    ["^[a-z]*[a-z]*!", longText],
    ["a{0,1000}a{0,1000}b", longText],
    [`^${"a?".repeat(60)}b`, "a".repeat(100)],
    [`^${"(a|a)".repeat(40)}b`, "a".repeat(100)],
    [`^${"(?:a|a|a)".repeat(40)}b`, "a".repeat(100)],
    ["^(a+)\\1+b", "a".repeat(4_000)],
    ["(?=(a+))a*b", longText],
    ["x|a*a*b", "a".repeat(4_000)],
  ];

  test.each(patterns)("holds nobody up: %s", async (pattern, text) => {
    await using agent = await announcing(withProperty({ type: "string", pattern }));
    expect(await shown(agent)).toEqual(["work"]);
    expect(await asked(agent, { text })).toBeOneOf([202, 422]);
  });

  test("capabilities: a safe pattern is still checked before a job is accepted", async () => {
    await using agent = await announcing(
      withProperty({ type: "string", pattern: "^v[0-9]+\\.[0-9]+$" }),
    );
    expect(await asked(agent, { text: "v1.x" })).toBe(422);
    expect(await asked(agent, { text: "v1.2" })).toBe(202);
    const alternatives = withProperty({ type: "string", pattern: "^(?:blue|green)(-[a-z]+)?$" });
    await using other = await announcing(alternatives);
    expect(await asked(other, { text: "red" })).toBe(422);
    expect(await asked(other, { text: "blue-one" })).toBe(202);
  });
});

describe("a schema that is none", () => {
  const loop = { $ref: "#/$defs/a", $defs: { a: { $ref: "#/$defs/b" }, b: { $ref: "#/$defs/a" } } };
  const schemas: [name: string, schema: unknown, status: number][] = [
    ["with references that go round", loop, 202],
    ["that refers to itself", { $ref: "#" }, 202],
    ["that refers to elsewhere", { $ref: "http://127.0.0.1:1/schema.json" }, 202],
    [
      "with wide combinations",
      { anyOf: Array.from({ length: 500 }, () => ({ anyOf: [{}, {}] })) },
      202,
    ],
    ["with names that are none", { required: 5 }, 202],
    ["with a list that is none", { enum: 5 }, 202],
    ["with a type that is none", { type: { a: 1 } }, 202],
    ["with limits that are none", { properties: { text: { maxLength: "x", minimum: [] } } }, 202],
    ["with properties that are none", { properties: 7, items: "x" }, 202],
    [
      "with names of the language's own",
      {
        properties: JSON.parse(
          '{"__proto__": {"type": "string"}, "constructor": {"type": "null"}}',
        ),
      },
      202,
    ],
    ["that allows nothing", { properties: { text: false }, additionalProperties: false }, 422],
  ];

  test.each(schemas)("%s does no harm", async (_name, schema, status) => {
    await using agent = await announcing(catalogueOf(schema));
    expect(await shown(agent)).toEqual(["work"]);
    expect(await asked(agent, { text: "x" })).toBe(status);
  });
});

describe("a capabilities list that is none", () => {
  const deep = (levels: number) => `${'{"a":'.repeat(levels)}1${"}".repeat(levels)}`;
  const padded = (bytes: number) => {
    const empty = catalogueOf({ description: "" });
    return catalogueOf({ description: "x".repeat(bytes - empty.length) });
  };
  const refused: [name: string, text: string][] = [
    ["nested deep", `[{"name":"work","parameters":${deep(1_000)}}]`],
    ["that is no JSON", "[{"],
    ["that is no list", "{}"],
    ["with a name that is none", JSON.stringify([{ name: "", parameters: {} }])],
    ["with a schema that is a list", catalogueOf([])],
  ];

  test.each(refused)("%s is not taken", async (_name, text) => {
    await using agent = await announcing(text);
    expect(await shown(agent)).toBeUndefined();
    expect(await asked(agent, { text: "x" })).toBe(202);
  });

  test("under another's digest is not taken", async () => {
    await using agent = await announcing(catalogueOf({}), sha256("another"));
    expect(await shown(agent)).toBeUndefined();
    expect(await asked(agent, { text: "x" })).toBe(202);
  });

  test("is taken up to its limit, and not a byte beyond", async () => {
    expect(Buffer.byteLength(padded(capabilitiesBytesMax))).toBe(capabilitiesBytesMax);
    await using fits = await announcing(padded(capabilitiesBytesMax));
    expect(await shown(fits)).toEqual(["work"]);
    await using over = await announcing(padded(capabilitiesBytesMax + 1));
    expect(await shown(over)).toBeUndefined();
    // Characters of several bytes count by their bytes.
    const wide = catalogueOf({ description: "é".repeat(capabilitiesBytesMax / 2) });
    await using wider = await announcing(wide);
    expect(await shown(wider)).toBeUndefined();
  });

  test("that changes all the time is kept no longer than it is used", async () => {
    await using agent = await announcing(catalogueOf({}));
    for (let count = 0; count < 300; count++) {
      const text = catalogueOf({ description: `${count} ${"x".repeat(1_000)}` });
      agent.say("capabilities", { digest: sha256(text), text });
    }
    expect(await agent.isAlive()).toBe(true);
    expect(await shown(agent)).toEqual(["work"]);
    expect(await asked(agent, { text: "x" })).toBe(202);
  });
});

test("after all of that it is the same process, and every agent is known", async () => {
  expect(target.serving.process.hasExited).toBe(false);
  expect(honest.lines.filter((line) => /connected/.test(line))).toHaveLength(1);
  const faults = target.serving.process.lines.filter((line) => /unexpected|INTERNAL/.test(line));
  expect(faults).toEqual([]);
});
