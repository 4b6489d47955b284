import { describe, expect, test } from "bun:test";
import * as fc from "fast-check";
import { WsctlError } from "../../../../lib/protocol/errors.ts";
import {
  commandCharsMax,
  messageBytesMax,
  parametersBytesMax,
  requestIdCharsMax,
} from "../../../../lib/protocol/limits.ts";
import {
  type AgentDraft,
  type ControlDraft,
  decodeFromAgent,
  decodeFromControl,
  encode,
} from "../../../../lib/protocol/wire/codec.ts";

const nowMs = Date.UTC(2026, 0, 2, 3, 4, 5, 67);
const stamp = "2026-01-02T03:04:05.067Z";

const requestId = fc.oneof(
  fc.uuid(),
  fc.string({ minLength: 1, maxLength: 40 }).filter((text) => text.trim() !== ""),
  fc.constantFrom("Überfall-😀", "{}", '"', "\\", "__proto__", "0"),
);
const text = fc.string({ unit: "grapheme", maxLength: 200 });
const code = fc.string({ minLength: 1, maxLength: 40 });
/** As JSON has it: there is no negative zero. */
const value = fc.jsonValue({ maxDepth: 4 }).map((any) => JSON.parse(JSON.stringify(any)));
const object = fc.dictionary(fc.string({ maxLength: 12 }), value, { maxKeys: 5 });
const seconds = fc.double({ min: 0, max: 3_600, noNaN: true }).map((number) => number + 0);
const version = fc.integer({ min: 1, max: 1_000 });
const epoch = fc.maxSafeNat();

function draft(type: string, fields: Record<string, fc.Arbitrary<unknown>>, optional: string[]) {
  const all: Record<string, fc.Arbitrary<unknown>> = { type: fc.constant(type), ...fields };
  return payload(all, optional);
}

function payload(fields: Record<string, fc.Arbitrary<unknown>>, optional: string[] = []) {
  const requiredKeys = Object.keys(fields).filter((name) => !optional.includes(name));
  return fc.record(fields, { requiredKeys });
}

const fromAgent: Record<string, fc.Arbitrary<unknown>> = {
  heartbeat: draft("heartbeat", { request_id: requestId, payload: object }, ["request_id"]),
  status_update: draft(
    "status_update",
    {
      request_id: requestId,
      payload: payload({
        cpu_usage: fc.integer({ min: 0, max: 9_999 }).map((tenths) => `${tenths / 10}%`),
        memory_usage: fc.integer({ min: 0, max: 9_999 }).map((tenths) => `${tenths / 10} MB`),
      }),
    },
    ["request_id"],
  ),
  response: draft(
    "response",
    {
      request_id: requestId,
      payload: payload(
        { status: fc.constantFrom("success", "failed"), message: text, result: value },
        ["message", "result"],
      ),
    },
    [],
  ),
  error: draft("error", { request_id: requestId, payload: payload({ code, message: text }) }, [
    "request_id",
  ]),
  hello: draft(
    "hello",
    {
      payload: payload(
        {
          protocol_version: version,
          version: code,
          journal_id: requestId,
          epoch,
          instance_id: requestId,
          hostname: text,
          os: code,
          arch: code,
        },
        ["hostname", "os", "arch"],
      ),
    },
    [],
  ),
};

const fromControl: Record<string, fc.Arbitrary<unknown>> = {
  command: draft(
    "command",
    {
      request_id: requestId,
      payload: payload(
        {
          command: requestId,
          parameters: object,
          timeout_seconds: seconds,
          expires_at: fc.constant("2026-01-02T04:04:05Z"),
        },
        ["parameters", "timeout_seconds", "expires_at"],
      ),
    },
    [],
  ),
  error: fromAgent.error as fc.Arbitrary<unknown>,
  welcome: draft(
    "welcome",
    {
      payload: payload({
        protocol_version: version,
        agent_id: fc.stringMatching(/^[a-z0-9]{1,9}(?:[._-][a-z0-9]{1,9}){0,3}$/),
        journal_id: requestId,
        epoch,
        heartbeat_seconds: seconds.map((number) => Math.max(1, number)),
        reconnect_seconds: seconds,
      }),
    },
    [],
  ),
  ack: draft("ack", { request_id: requestId, payload: object }, []),
  cancel: draft("cancel", { request_id: requestId, payload: object }, []),
  goaway: draft("goaway", { payload: payload({ retry_after_seconds: seconds }) }, []),
};

describe("encode()", () => {
  test.each(Object.keys(fromAgent))("writes a %s that decodeFromAgent() reads back", (type) => {
    fc.assert(
      fc.property(fromAgent[type] as fc.Arbitrary<AgentDraft>, (message) => {
        const decoded = decodeFromAgent(encode(message, nowMs), { isExtended: true });
        expect(decoded as unknown).toEqual({ message: { ...message, timestamp: stamp } });
      }),
    );
  });

  test.each(Object.keys(fromControl))("writes a %s that decodeFromControl() reads back", (type) => {
    fc.assert(
      fc.property(fromControl[type] as fc.Arbitrary<ControlDraft>, (message) => {
        const decoded = decodeFromControl(encode(message, nowMs), { isExtended: true });
        expect(decoded as unknown).toEqual({ message: { ...message, timestamp: stamp } });
      }),
    );
  });

  test("writes the fields in the standard's order and leaves an absent id out", () => {
    expect(encode({ type: "heartbeat", payload: {} }, nowMs)).toBe(
      `{"type":"heartbeat","timestamp":"${stamp}","payload":{}}`,
    );
    expect(encode({ type: "ack", request_id: "a", payload: {} }, 0)).toBe(
      '{"type":"ack","request_id":"a","timestamp":"1970-01-01T00:00:00.000Z","payload":{}}',
    );
  });

  test("takes 65536 bytes and throws TOO_LARGE for one more, in UTF-8", () => {
    const envelope = encode({ type: "heartbeat", payload: { x: "" } }, nowMs).length;
    for (const filler of ["a", "é", "€"]) {
      const width = Buffer.byteLength(filler);
      const room = messageBytesMax - envelope;
      const pad = filler.repeat(Math.floor(room / width)) + "a".repeat(room % width);
      const written = encode({ type: "heartbeat", payload: { x: pad } }, nowMs);
      expect(Buffer.byteLength(written)).toBe(65_536);
      let thrown: unknown;
      try {
        encode({ type: "heartbeat", payload: { x: `${pad}a` } }, nowMs);
      } catch (error) {
        thrown = error;
      }
      expect(thrown).toBeInstanceOf(WsctlError);
      expect(thrown).toMatchObject({ code: "TOO_LARGE" });
      expect((thrown as Error).message).toBe("Cannot send a heartbeat: over 65536 bytes");
    }
  });

  test("has room for the largest parameters under the longest names", () => {
    for (const filler of ['"', "\\", "€"]) {
      const parameters = { x: "" };
      const room = parametersBytesMax - JSON.stringify(parameters).length;
      parameters.x = "a".repeat(room);
      const message: ControlDraft = {
        type: "command",
        request_id: filler.repeat(requestIdCharsMax),
        payload: {
          command: filler.repeat(commandCharsMax),
          parameters,
          timeout_seconds: 86_400,
          expires_at: stamp,
        },
      };
      expect(decodeFromControl(encode(message, nowMs), { isExtended: true }).message?.type).toBe(
        "command",
      );
    }
  });
});
