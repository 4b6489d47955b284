/** For whatever fast-check makes: decoding answers, and only the right token opens. */
import { describe, expect, test } from "bun:test";
import * as fc from "fast-check";
import { authenticate, createToken } from "../../lib/control/auth/bearerTokens.ts";
import { isErrorCode } from "../../lib/protocol/errors.ts";
import { type Decoded, decodeFromAgent, decodeFromControl } from "../../lib/protocol/wire/codec.ts";
import type { AgentMessage, ControlMessage } from "../../lib/protocol/wire/message.ts";
import { openJournal } from "../support/fixtures/filledJournal.ts";
import { temporaryDir } from "../support/processes/processes.ts";

const numRuns = 5_000;

/** What a JSON text may hold, also where it is no message: odd keys, odd numbers, deep, wide. */
const key = fc.oneof(
  fc.constantFrom("type", "request_id", "timestamp", "payload", "__proto__", "constructor"),
  fc.string({ unit: "binary", maxLength: 8 }),
);
const type = fc.constantFrom(
  ...["command", "response", "status_update", "heartbeat", "error"],
  ...["hello", "welcome", "ack", "cancel", "goaway", "__proto__", "toString"],
);
const value = fc.oneof(
  fc.jsonValue({ depthSize: "large", stringUnit: "binary" }),
  fc.dictionary(key, fc.oneof(fc.jsonValue(), type), { maxKeys: 6 }),
  fc.record(
    {
      type: fc.oneof(type, fc.jsonValue()),
      request_id: fc.oneof(fc.uuid(), fc.jsonValue()),
      timestamp: fc.oneof(fc.constant("2026-01-02T03:04:05Z"), fc.jsonValue()),
      payload: fc.oneof(fc.constant({}), fc.dictionary(key, fc.jsonValue()), fc.jsonValue()),
    },
    { requiredKeys: [] },
  ),
);
const text = fc.oneof(
  fc.string({ unit: "binary", maxLength: 200 }),
  fc.string({ unit: fc.constantFrom(...'{}[]",:\\u0deE-+. \ud800'), maxLength: 60 }),
  value.map((any) => JSON.stringify(any)),
);

function isRight(decoded: Decoded<AgentMessage> | Decoded<ControlMessage>): boolean {
  const { message, refusal } = decoded;
  if (refusal === undefined) return typeof message.type === "string";
  return message === undefined && isErrorCode(refusal.code) && refusal.text.length > 0;
}

describe("decode", () => {
  test.each([true, false])("gives a message or a refusal with a code, v1 %p", (isExtended) => {
    fc.assert(
      fc.property(text, (any) => {
        expect(isRight(decodeFromAgent(any, { isExtended }))).toBe(true);
        expect(isRight(decodeFromControl(any, { isExtended }))).toBe(true);
      }),
      { numRuns },
    );
  });

  test("takes nothing whose type it was not given", () => {
    fc.assert(
      fc.property(value, (any) => {
        const taken = decodeFromAgent(JSON.stringify(any), { isExtended: false }).message?.type;
        const types = [undefined, "response", "status_update", "heartbeat", "error"];
        expect(types).toContain(taken);
      }),
      { numRuns },
    );
  });
});

describe("authenticate()", () => {
  test("authenticate(): accepts only the right token, whatever the header is", () => {
    using dir = temporaryDir();
    const journal = openJournal(dir);
    try {
      const { text: right, token } = createToken(journal.tokens, { role: "admin" }, "test", 0);
      const { text: revoked, token: gone } = createToken(
        journal.tokens,
        { role: "admin" },
        "test",
        0,
      );
      const { text: other } = createToken(journal.tokens, { role: "operator" }, "test", 0);
      expect(journal.tokens.revoke(gone.tokenId, 1)).toBe(true);
      const id = right.slice(0, -65);
      const near = fc.oneof(
        fc.constantFrom(right, revoked, `${id}-${other.slice(-64)}`, `${other.slice(0, -64)}`),
        fc.nat(right.length).map((at) => right.slice(0, at)),
        fc
          .tuple(fc.nat(right.length - 1), fc.string({ unit: "binary", maxLength: 2 }))
          .map(([at, odd]) => right.slice(0, at) + odd + right.slice(at + 1)),
        fc.constantFrom(right.toUpperCase(), ` ${right}`, `${right} `, `${right}\n`, `${right}\0`),
        fc.stringMatching(/^[0-9a-f]{64}$/).map((secret) => `${id}-${secret}`),
        fc.string({ unit: "binary" }),
        fc.constantFrom(
          "' OR 1=1 --",
          "wsctl-%-%",
          "wsctl-______-x",
          "\u0000",
          "x".repeat(100_000),
        ),
      );
      const scheme = fc.constantFrom(
        "Bearer ",
        "bearer ",
        "BEARER ",
        "Basic ",
        "",
        "Bearer  ",
        " ",
      );
      const header = fc.oneof(
        fc.tuple(scheme, near).map(([word, rest]) => word + rest),
        fc.string({ unit: "binary" }),
        fc.constant(undefined),
      );
      let opened = 0;
      fc.assert(
        fc.property(header, (any) => {
          const isRightOne = any?.toLowerCase().startsWith("bearer ") && any.slice(7) === right;
          const found = authenticate(journal.tokens, any, 2);
          if (isRightOne) opened++;
          expect(found?.tokenId).toBe(isRightOne ? token.tokenId : (undefined as never));
        }),
        { numRuns },
      );
      expect(opened).toBeGreaterThan(0);
    } finally {
      journal.close();
    }
  });
});
