import { describe, expect, test } from "bun:test";
import * as fc from "fast-check";
import type { ResponseBody } from "../../../../lib/agent/core/model.ts";
import {
  buildMessage,
  cannotSave,
  failure,
  restarted,
  stopped,
  truncateResponse,
} from "../../../../lib/agent/core/response.ts";
import {
  messageBytesMax,
  requestIdCharsMax,
  textCharsMax,
} from "../../../../lib/protocol/limits.ts";
import { decodeFromAgent, encode } from "../../../../lib/protocol/wire/codec.ts";

const success = { type: "response", status: "success" } as const;

describe("truncateResponse()", () => {
  test.each([
    { ...success },
    { ...success, message: "done", result: { a: [1, null] } },
    { type: "response", status: "failed", message: "" },
    { type: "error", code: "TIMEOUT", message: "too late" },
    { ...success, message: "x".repeat(textCharsMax) },
    { ...success, result: "x".repeat(60_000) },
  ] as ResponseBody[])("leaves alone what fits", (answer) => {
    expect(truncateResponse(answer)).toEqual(answer);
  });

  test("cuts a message that is too long and says how long it was", () => {
    const { message = "" } = truncateResponse({ ...success, message: "x".repeat(20_000) });
    expect(message).toHaveLength(textCharsMax);
    expect(message).toEndWith("xxx … [truncated: 20000 characters in total]");
    const error = truncateResponse({
      type: "error",
      code: "INTERNAL",
      message: "x".repeat(20_000),
    });
    expect(error).toEqual({ type: "error", code: "INTERNAL", message });
  });

  test("never leaves half a character behind", () => {
    for (let shift = 0; shift < 2; shift++) {
      const text = "x".repeat(shift) + "😀".repeat(10_000);
      const { message = "" } = truncateResponse({ ...success, message: text });
      expect(message.isWellFormed()).toBe(true);
      expect(message.length).toBeLessThanOrEqual(textCharsMax);
    }
    expect(truncateResponse({ ...success, message: "a\ud800b" }).message).toBe("a\ufffdb");
  });

  test("truncateResponse(): omits a result that is too large, says so, and keeps the status", () => {
    const answer = truncateResponse({ ...success, message: "done", result: "€".repeat(22_000) });
    expect(answer).toMatchObject({ type: "response", status: "success" });
    expect(answer).toHaveProperty("result", {
      result_fault: expect.stringContaining("the result was omitted: it exceeds the limit"),
    });
    expect(answer.message).toMatch(
      /^\[result omitted: it exceeds the limit of a message: 660\d\d bytes with it\]\ndone$/,
    );
  });

  test("fits into a message of wsctl.v1 under the longest request id", () => {
    const text = fc
      .tuple(fc.constantFrom("x", '"', "\\", "\u0001", "€", "😀"), fc.nat(40_000))
      .map(([unit, count]) => unit.repeat(count));
    fc.assert(
      fc.property(fc.option(text, { nil: undefined }), text, (message, result) => {
        const given = { ...success, ...(message === undefined ? {} : { message }), result };
        const draft = buildMessage('"'.repeat(requestIdCharsMax), truncateResponse(given), true);
        expect(decodeFromAgent(encode(draft, 0), { isExtended: true }).refusal).toBeUndefined();
      }),
      { numRuns: 200 },
    );
  });
});

test("truncateResponse(): the limit leaves room for the rest of a wsctl.v1 message", () => {
  const kinds = new Set<boolean>();
  for (let length = 62_000; length <= 66_000; length += 10) {
    const answer = truncateResponse({ ...success, result: "x".repeat(length) });
    kinds.add("result" in answer && typeof answer.result === "string");
    const draft = buildMessage('"'.repeat(requestIdCharsMax), answer, true);
    expect(encode(draft, 0).length).toBeLessThanOrEqual(messageBytesMax);
  }
  expect([...kinds]).toEqual([true, false]);
});

describe("buildMessage()", () => {
  test("buildMessage(): a wsctl.v1 peer gets message and result in separate fields", () => {
    expect(buildMessage("1", { ...success, message: "done", result: { a: 1 } }, true)).toEqual({
      type: "response",
      request_id: "1",
      payload: { status: "success", message: "done", result: { a: 1 } },
    });
    expect(buildMessage("1", success, true).payload).toEqual({ status: "success" });
    expect(buildMessage("1", { ...success, result: null }, true).payload).toEqual({
      status: "success",
      result: null,
    });
  });

  test.each([
    [{ message: "done", result: { a: 1 } }, { message: 'done\n{"a":1}' }],
    [{ result: [1, 2] }, { message: "[1,2]" }],
    [{ result: null }, { message: "null" }],
    [{ message: "done" }, { message: "done" }],
    [{}, {}],
    [{ message: "" }, {}],
  ])("gives a peer of the standard alone %j as %j", (given, payload) => {
    expect(buildMessage("1", { ...success, ...given }, false)).toEqual({
      type: "response",
      request_id: "1",
      payload: { status: "success", ...payload },
    });
  });

  test("cuts a result that is too long for a peer of the standard alone", () => {
    const { payload } = buildMessage("1", { ...success, result: "x".repeat(50_000) }, false);
    const { message = "" } = payload as { message?: string };
    expect(message).toHaveLength(textCharsMax);
    expect(message).toEndWith("[truncated: 50002 characters in total]");
  });

  test("writes an error the same for every peer", () => {
    const answer = failure("BUSY", "too much");
    const wanted = {
      type: "error",
      request_id: "1",
      payload: { code: "BUSY", message: "too much" },
    } as const;
    expect(buildMessage("1", answer, true)).toEqual(wanted);
    expect(buildMessage("1", answer, false)).toEqual(wanted);
  });
});

describe("the answers an executor gives by itself", () => {
  test("stopped() names the timeout in seconds", () => {
    expect(stopped("timeout", 1_500)).toEqual({
      type: "error",
      code: "TIMEOUT",
      message: "the command was stopped at its timeout of 1.5 s",
    });
  });

  test("cannotSave() says that nothing was run", () => {
    expect(cannotSave()).toMatchObject({ type: "error", code: "STORAGE_UNAVAILABLE" });
    expect(cannotSave().message).toContain("was not run");
  });

  test("restarted(): contains the process ID of the new process", () => {
    expect(restarted({ pid: 77, version: "1.2.3" }, 12_345)).toEqual({
      ...success,
      message: "restarted, version 1.2.3",
      result: { pid: 77, version: "1.2.3", away_ms: 12_345 },
    });
  });
});
