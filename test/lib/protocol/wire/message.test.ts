import { describe, expect, test } from "bun:test";
import * as v from "valibot";
import * as messages from "../../../../lib/protocol/wire/message.ts";

const at = "2025-02-24T12:34:56Z";

/** For each message: a payload that is right, and values at the bounds of its fields. */
const cases: {
  Schema: v.GenericSchema;
  type: string;
  payload: Record<string, unknown>;
  good: Record<string, unknown[]>;
  bad: Record<string, unknown[]>;
}[] = [
  {
    Schema: messages.Command,
    type: "command",
    payload: { command: "ping" },
    good: {
      command: ["x".repeat(128), "fetch logs", "💾"],
      parameters: [{}, { a: null }],
      timeout_seconds: [0, 0.5, 86_400],
      expires_at: [at, "2025-02-24T12:34:56.5+00:00"],
    },
    bad: {
      command: ["", " ", "x".repeat(129), "a\nb"],
      parameters: [null, [], "x", 1],
      timeout_seconds: [-1, 86_401, "30", null],
      expires_at: ["2025-02-30T00:00:00Z", "soon", "", null, 1_740_400_496],
    },
  },
  {
    Schema: messages.StatusUpdate,
    type: "status_update",
    payload: { cpu_usage: "30%", memory_usage: "1.5GB" },
    good: { cpu_usage: ["0%", "12.5 %", "800%"], memory_usage: ["0MB", "512 MB", "2TB", "9KB"] },
    bad: { cpu_usage: ["30", "", 30, "-1%"], memory_usage: ["1.5", "1.5GiB", 1_500, "", "lots"] },
  },
  {
    Schema: messages.Heartbeat,
    type: "heartbeat",
    payload: {},
    good: { anything: [1, null, {}] },
    bad: {},
  },
  {
    Schema: messages.Response,
    type: "response",
    payload: { status: "success" },
    good: {
      status: ["failed"],
      message: ["", "x".repeat(16_384)],
      result: [null, 0, false, "", [], {}],
    },
    bad: {
      status: ["", "SUCCESS", "ok", null, true],
      message: [null, 1, "x".repeat(16_385)],
    },
  },
  {
    Schema: messages.ErrorMessage,
    type: "error",
    payload: { code: "TIMEOUT", message: "too late" },
    good: { code: ["X", "their own code", "x".repeat(64)], message: ["", "x".repeat(16_384)] },
    bad: { code: ["", "x".repeat(65), 500, null], message: [null, {}, "x".repeat(16_385)] },
  },
  {
    Schema: messages.Hello,
    type: "hello",
    payload: { protocol_version: 1, version: "1.2.3", journal_id: "j", epoch: 0, instance_id: "i" },
    good: {
      protocol_version: [1, 2, 99],
      version: ["x", "x".repeat(64)],
      epoch: [1, Number.MAX_SAFE_INTEGER],
      hostname: ["", "x".repeat(253)],
      os: ["linux"],
      arch: ["arm64"],
    },
    bad: {
      protocol_version: [0, -1, 1.5, "1", null],
      version: ["", "x".repeat(65), 1],
      journal_id: ["", "a\nb", "x".repeat(129)],
      instance_id: ["", "a\nb", "x".repeat(129), null],
      epoch: [-1, 0.5, 2 ** 53, "1", null],
      hostname: ["x".repeat(254), null],
      os: ["", 1],
      arch: ["", null],
    },
  },
  {
    Schema: messages.Welcome,
    type: "welcome",
    payload: {
      protocol_version: 1,
      agent_id: "web-1",
      journal_id: "j",
      epoch: 1,
      heartbeat_seconds: 15,
      reconnect_seconds: 5,
    },
    good: { heartbeat_seconds: [1, 1.5, 3_600], reconnect_seconds: [0, 3_600] },
    bad: {
      agent_id: ["Web-1", "", "a/b"],
      journal_id: ["", null],
      epoch: [-1, 0.5, 2 ** 53, null],
      heartbeat_seconds: [0, 0.9, 3_601, "15", null],
      reconnect_seconds: [-1, 3_601, "5"],
      protocol_version: [0, 1.5],
    },
  },
  { Schema: messages.Ack, type: "ack", payload: {}, good: { anything: [1] }, bad: {} },
  { Schema: messages.Cancel, type: "cancel", payload: {}, good: { anything: [1] }, bad: {} },
  {
    Schema: messages.Goaway,
    type: "goaway",
    payload: { retry_after_seconds: 5 },
    good: { retry_after_seconds: [0, 0.25, 3_600] },
    bad: { retry_after_seconds: [-1, 3_601, "5", null] },
  },
];

/** A field's name, its value, and before it the value as a test's name can bear it. */
function rows(table: Record<string, unknown[]>): [string, string, unknown][] {
  return Object.entries(table).flatMap(([name, values]) =>
    values.map((value): [string, string, unknown] => {
      const text = JSON.stringify(value);
      return [name, text.length < 50 ? text : `of ${text.length} characters`, value];
    }),
  );
}

for (const { Schema, type, payload, good, bad } of cases) {
  const message = { type, request_id: "1", timestamp: at, payload };

  describe(`a ${type}`, () => {
    test("is taken as it should be, and under no other type", () => {
      expect(v.is(Schema, message)).toBe(true);
      expect(v.is(Schema, { ...message, type: `${type}s` })).toBe(false);
    });

    test.each(rows(good))("may have the %s %s", (name, _, value) => {
      expect(v.is(Schema, { ...message, payload: { ...payload, [name]: value } })).toBe(true);
    });

    test.each(rows(bad))("may not have the %s %s", (name, _, value) => {
      expect(v.is(Schema, { ...message, payload: { ...payload, [name]: value } })).toBe(false);
    });

    test.each(["2024-02-30T00:00:00Z", "2025-02-24T12:34:56", "yesterday", ""])(
      "may not have the timestamp %j",
      (timestamp) => {
        expect(v.is(Schema, { ...message, timestamp })).toBe(false);
      },
    );
  });
}

test("request_id is required of a command, a response, an ack and a cancel alone", () => {
  const required = cases
    .filter(({ Schema, type, payload }) => !v.is(Schema, { type, timestamp: at, payload }))
    .map(({ type }) => type);
  expect(required).toEqual(["command", "response", "ack", "cancel"]);
});
