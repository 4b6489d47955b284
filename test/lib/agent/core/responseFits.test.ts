import { describe, expect, test } from "bun:test";
import { buildMessage, truncateResponse } from "../../../../lib/agent/core/response.ts";
import { depthMax } from "../../../../lib/protocol/limits.ts";
import { decodeFromAgent, encode } from "../../../../lib/protocol/wire/codec.ts";

const success = { type: "response", status: "success" } as const;
const nested = (levels: number): unknown => JSON.parse("[".repeat(levels) + "]".repeat(levels));

describe("truncateResponse()", () => {
  test.each([
    ["as deep as may be", nested(depthMax - 2)],
    ["one level too deep", nested(depthMax - 1)],
    ["far too deep", nested(40)],
    ["with a lone surrogate", "\ud800"],
  ])(
    "truncateResponse(): converts a result %s to one that the control plane accepts",
    (_, result) => {
      const text = encode(buildMessage("1", truncateResponse({ ...success, result }), true), 0);
      expect(decodeFromAgent(text, { isExtended: true }).refusal).toBeUndefined();
    },
  );

  test("leaves a result out that is no JSON", () => {
    const answer = truncateResponse({ ...success, result: 1n });
    expect(answer).toMatchObject({
      status: "success",
      message: expect.stringMatching(/not valid JSON/),
    });
  });
});

describe("buildMessage()", () => {
  test("fits for a peer of the standard alone, however much must be escaped", () => {
    const message = "\u0001".repeat(10_000);
    const answer = truncateResponse({ ...success, message, result: '"'.repeat(1_600) });
    expect(() => encode(buildMessage("1", answer, false), 0)).not.toThrow();
  });
});
