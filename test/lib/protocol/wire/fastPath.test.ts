/** What is told at a glance to be right is what the schemas take, and they take it as it is. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import * as v from "valibot";
import { findUnsafeNumber } from "../../../../lib/protocol/json.ts";
import { isPlain, plainKinds } from "../../../../lib/protocol/wire/fastPath.ts";
import * as schemas from "../../../../lib/protocol/wire/message.ts";

const judges = {
  heartbeat: schemas.Heartbeat,
  status_update: schemas.StatusUpdate,
  response: schemas.Response,
  error: schemas.ErrorMessage,
  command: schemas.Command,
  ack: schemas.Ack,
  subscribe_output: schemas.SubscribeOutput,
};
type Kind = keyof typeof judges;
const kinds = Object.keys(judges) as Kind[];

/** Mostly what is right, else what is nearly so. */
const near = (right: fc.Arbitrary<unknown>) =>
  fc.oneof(
    { weight: 8, arbitrary: right },
    { weight: 1, arbitrary: fc.jsonValue({ maxDepth: 2 }) },
    {
      weight: 1,
      arbitrary: fc.constantFrom("", "\ud800", Number.POSITIVE_INFINITY, -1, 0.5, null, "\u0000"),
    },
  );

const text = near(fc.string());
const ms = near(fc.nat());
const count = near(fc.maxSafeNat());
const time = near(
  fc.constantFrom(
    "2026-01-01T00:00:00.000Z",
    "2026-11-30T12:34:56.789Z",
    "2026-03-31T23:59:59Z",
    "2024-02-29T23:59:59Z",
    "2023-02-29T00:00:00Z",
    "2026-04-31T00:00:00Z",
    "2026-12-31T24:00:00Z",
    "2026-01-01T00:00:00+00:00",
  ),
);
const free = near(fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 1 })));

const payloads: Record<Kind, fc.Arbitrary<Record<string, unknown>>> = {
  ack: fc.record({}),
  subscribe_output: fc.record(
    { subscription_id: count, after: count, bytes: count, unsubscribe: near(fc.boolean()) },
    { requiredKeys: ["subscription_id", "after", "bytes"] },
  ),
  heartbeat: fc.record({}),
  status_update: fc.record({
    cpu_usage: near(fc.constantFrom("30%", "12.5 %", "30")),
    memory_usage: near(fc.constantFrom("1.5GB", "900 MB", "1PB")),
  }),
  response: fc.record(
    {
      status: near(fc.constantFrom("success", "failed")),
      message: text,
      result: near(free),
      execution_ms: ms,
      response_age_ms: ms,
    },
    { requiredKeys: ["status"] },
  ),
  error: fc.record(
    { code: text, message: text, execution_ms: ms, response_age_ms: ms },
    { requiredKeys: ["code"] },
  ),
  command: fc.record(
    {
      command: near(fc.constantFrom("restart", "größe")),
      parameters: free,
      expires_at: time,
      timeout_seconds: ms,
    },
    { requiredKeys: ["command"] },
  ),
};

const message = fc.constantFrom(...kinds).chain((type) =>
  fc
    .record(
      {
        type: fc.constant(type),
        request_id: near(
          fc.constantFrom("123456", "01a212ae-66a8-71b3-9748-9409c6d62e5d", "x".repeat(129)),
        ),
        timestamp: time,
        payload: payloads[type],
        more: fc.oneof(
          { weight: 8, arbitrary: fc.constant(undefined) },
          { weight: 1, arbitrary: fc.jsonValue() },
        ),
      },
      { requiredKeys: ["type", "timestamp", "payload", "more"] },
    )
    .map(({ more, ...rest }) => ({ type, value: more === undefined ? rest : { ...rest, more } })),
);

const right: Record<Kind, Record<string, unknown>> = {
  ack: {},
  subscribe_output: { subscription_id: 1, after: 2, bytes: 65_536 },
  heartbeat: {},
  status_update: { cpu_usage: "30%", memory_usage: "1.5GB" },
  response: { status: "success", message: "pong", result: { exit_code: 0 }, execution_ms: 3 },
  error: { code: "INVALID_COMMAND", message: "no such command" },
  command: { command: "restart", parameters: { delay_seconds: 10 } },
};

describe("a message that is plain", () => {
  test("fast path: accepts only messages that their schema returns unchanged", () => {
    let plain = 0;
    fc.assert(
      fc.property(message, ({ type, value }) => {
        if (!isPlain(value, plainKinds[type])) return;
        plain++;
        expect(v.safeParse(judges[type], value)).toMatchObject({ success: true, output: value });
        expect(v.parse(judges[type] as v.GenericSchema, value)).toEqual(value);
        expect(findUnsafeNumber(value)).toBeUndefined();
      }),
      { numRuns: 20_000 },
    );
    expect(plain).toBeGreaterThan(500);
  });

  test.each(kinds)("is what everybody writes: %s", (type) => {
    const whole = { type, request_id: "123456", timestamp: "2025-02-24T12:34:56Z" };
    expect(isPlain({ ...whole, payload: right[type] }, plainKinds[type])).toBe(true);
    expect(isPlain({ ...whole, payload: right[type], more: 1 }, plainKinds[type])).toBe(false);
    expect(isPlain({ ...whole, payload: { ...right[type], more: 1 } }, plainKinds[type])).toBe(
      false,
    );
  });

  test("has no id only where it needs none", () => {
    const of = (type: Kind) => ({ timestamp: "2025-02-24T12:34:56Z", type, payload: right[type] });
    const without = kinds.filter((type) => isPlain(of(type), plainKinds[type]));
    expect(without).toEqual(["heartbeat", "status_update", "error"]);
  });
});
