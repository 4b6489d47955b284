/** Texts that are no message, and messages that this peer may not send. */
import { expect, test } from "bun:test";
import { protocolViolationsMax } from "../../lib/protocol/limits.ts";
import { standardText } from "../support/fixtures/standard.ts";
import type { Flavour } from "../support/processes/processes.ts";
import { hostileSuite } from "./hostileSuite.ts";

const timestamp = "2026-01-02T03:04:05Z";
const message = { type: "response", request_id: "r", timestamp, payload: { status: "success" } };
const figures = { cpu_usage: "30%", memory_usage: "1.5GB" };

const noMessages: readonly string[] = [
  "",
  " ",
  "{",
  "nul",
  "[]",
  '"x"',
  "42",
  "null",
  "true",
  "{} {}",
  `\uFEFF${JSON.stringify(message)}`,
  "{'type':'heartbeat'}",
  "NaN",
  '{"type":"heartbeat",}',
  "[".repeat(32_000) + "]".repeat(32_000),
  '{"a":'.repeat(10_000),
  "\0",
  "\u001b[2J",
];

const wrongValues: readonly unknown[] = [undefined, null, [], {}, 1, true, ""];

const wrongTimestamps = [
  "2024-02-30T00:00:00Z",
  "2024-01-01T24:00:00Z",
  "2024-01-01T23:59:60Z",
  "2024",
  "1/1/2024",
  "2024-01-01T00:00:00",
  "2024-01-01T00:00:00+02:00",
  "2024-01-01t00:00:00z",
  "+275760-09-13T00:00:00Z",
  "1700000000",
];

const wrongFigures: readonly object[] = [
  ...["30", "-1%", "1e9%", "NaN%", "３０%", 30, "9".repeat(5_000)].map((cpu_usage) => ({
    ...figures,
    cpu_usage,
  })),
  ...["1,5GB", "-1GB", "1e3GB", "GB", "1.5", "1.5gb", 1.5].map((memory_usage) => ({
    ...figures,
    memory_usage,
  })),
  { cpu_usage: "30%" },
  {},
];

const wrongResponses: readonly object[] = [
  { status: "ok" },
  { status: "SUCCESS" },
  {},
  { status: "success", message: 7 },
  { status: "success", message: "x".repeat(17_000) },
  { ["__proto__"]: { status: "success" } },
  { constructor: { prototype: { status: "success" } } },
];

/** Each with what the sender is told of it: a code, and where it helps the field. */
const malformed: readonly { name: string; text: string; field?: string }[] = [
  ...noMessages.map((text) => ({ name: `the text ${shown(text)}`, text })),
  ...(["type", "request_id", "timestamp", "payload"] as const).flatMap((field) =>
    wrongValues
      // An empty object is a payload that lacks its fields; a missing type is no shape at all.
      .filter((value) => !(field === "type" && value === ""))
      .map((value) => ({
        name: `${field}: ${JSON.stringify(value)}`,
        text: JSON.stringify({ ...message, [field]: value }),
        field,
      })),
  ),
  ...wrongTimestamps.map((text) => ({
    name: `the timestamp ${text}`,
    text: JSON.stringify({ ...message, timestamp: text }),
    field: "timestamp",
  })),
  ...wrongFigures.map((payload) => ({
    name: `the figures ${shown(JSON.stringify(payload))}`,
    text: standardText("status_update", payload),
    field: "usage",
  })),
  ...wrongResponses.map((payload) => ({
    name: `the response ${shown(JSON.stringify(payload))}`,
    text: protoKept(standardText("response", payload, "r"), payload),
    field: "payload",
  })),
  { name: "a number out of range", text: '{"type":"heartbeat","x":1e999}' },
  { name: "half of a surrogate pair", text: '{"type":"heartbeat","x":"\\ud800"}' },
  { name: "a heartbeat whose payload is text", text: standardText("heartbeat", "x" as never) },
];

const forbidden = ["command", "welcome", "ack", "goaway", "hello", "__proto__", "constructor"];

export function hostileMessagesSuite(flavour: Flavour): void {
  hostileSuite("hostile messages", flavour, (target) => {
    for (const { name, text, field } of malformed) {
      test(`${name} is MALFORMED, and the connection stays`, async () => {
        await using agent = await target().agent();
        agent.socket.text(text);
        const { payload, request_id } = await agent.error();
        expect(payload.code).toBe("MALFORMED");
        if (field !== undefined) expect(payload.message).toContain(field);
        expect(["unknown", "r"]).toContain(request_id as string);
        // What came in is not given back: it may be long, or meant for the reader's terminal.
        expect(String(payload.message).length).toBeLessThan(200);
        expect(await agent.isAlive()).toBe(true);
      });
    }

    for (const type of forbidden) {
      const code = type === "command" ? "FORBIDDEN" : "UNSUPPORTED_TYPE";
      test(`a message of the type ${type} is refused with ${code}`, async () => {
        await using agent = await target().agent();
        agent.say(type, { command: "ping" }, "mine");
        expect(await agent.error()).toMatchObject({ request_id: "mine", payload: { code } });
        expect(await agent.isAlive()).toBe(true);
      });
    }

    test("unknown fields are ignored, also those named like an object's own", async () => {
      await using agent = await target().agent();
      const extra = '"constructor":{"prototype":{"admin":true}},"__proto__":{"admin":true},"x":1';
      const text = JSON.stringify({ ...message, payload: { ...figures } })
        .replace('"response"', `"status_update",${extra}`)
        .replace('"cpu_usage"', `${extra},"cpu_usage"`);
      agent.socket.text(text);
      expect(await agent.isAlive()).toBe(true);
      expect(await target().view(agent.id)).toMatchObject(figures);
    });

    test("a broken error is not answered", async () => {
      await using agent = await target().agent();
      agent.say("error", { code: 7 }, "broken");
      agent.socket.text('{"type":"error"}');
      expect(await agent.isAlive()).toBe(true);
      expect(agent.socket.frames.all).toHaveLength(1);
    });

    test("too many refused messages end the connection with 4400", async () => {
      await using agent = await target().agent();
      for (let count = 0; count <= protocolViolationsMax; count++) agent.socket.text("{");
      const { code, reason } = await agent.socket.closed;
      expect({ code, reason }).toEqual({ code: 4400, reason: "too many rejected messages" });
      expect(agent.socket.frames.all.length).toBeGreaterThanOrEqual(protocolViolationsMax);
      expect((await target().view(agent.id)).online).toBe(false);
    });
  });
}

function shown(text: string): string {
  const short = text.length > 40 ? `${text.slice(0, 40)}… of ${text.length}` : text;
  return JSON.stringify(short);
}

/** `JSON.stringify` writes an own `__proto__`, an object literal's spread may lose it. */
function protoKept(text: string, payload: object): string {
  return Object.hasOwn(payload, "__proto__") && !text.includes("__proto__")
    ? text.replace('"payload":{', '"payload":{"__proto__":{"status":"success"},')
    : text;
}
