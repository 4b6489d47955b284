import { describe, expect, test } from "bun:test";
import { errorCodes, errorText, isErrorCode, WsctlError } from "../../../lib/protocol/errors.ts";
import { codeCharsMax } from "../../../lib/protocol/limits.ts";

const codes = Object.keys(errorCodes);
/** Exit statuses of the command line that an error can lead to. */
const exits = [1, 2, 3, 4, 5];

describe("errorCodes", () => {
  test("holds the codes that the standard names", () => {
    expect(codes).toContain("INVALID_COMMAND");
    expect(codes).toContain("TIMEOUT");
  });

  test.each(Object.entries(errorCodes))("%s is complete", (code, { http, exit, meaning }) => {
    expect(code).toMatch(/^[A-Z]+(?:_[A-Z]+)*$/);
    expect(code.length).toBeLessThanOrEqual(codeCharsMax);
    expect(http).toBeWithin(400, 600);
    expect(exits).toContain(exit);
    expect(meaning.trim()).not.toBe("");
  });

  test("says something else of every code", () => {
    const meanings = new Set(Object.values(errorCodes).map(({ meaning }) => meaning));
    expect(meanings.size).toBe(codes.length);
  });

  test("gives exits to wrong usage, an absent control plane, a refused token, no match", () => {
    expect(errorCodes.USAGE.exit).toBe(2);
    expect(errorCodes.UNREACHABLE.exit).toBe(3);
    expect(errorCodes.UNAUTHORIZED.exit).toBe(4);
    expect(errorCodes.FORBIDDEN.exit).toBe(4);
    expect(errorCodes.NO_MATCH.exit).toBe(5);
  });
});

describe("isErrorCode()", () => {
  test("takes every code of the table", () => {
    expect(codes.every(isErrorCode)).toBe(true);
  });

  test.each(["", "timeout", "TIMEOUT ", "constructor", "__proto__", "toString", "E1001"])(
    "refuses %j",
    (code) => {
      expect(isErrorCode(code)).toBe(false);
    },
  );
});

describe("WsctlError", () => {
  test("is an error that carries its code and its cause", () => {
    const cause = new Error("below");
    const error = new WsctlError("BUSY", "too much", { cause });
    expect(error).toBeInstanceOf(Error);
    expect(error).toMatchObject({ name: "WsctlError", code: "BUSY", message: "too much" });
    expect(error.cause).toBe(cause);
  });
});

describe("errorText()", () => {
  test("is the sentence of an error, and anything else as text", () => {
    expect(errorText(new Error("of an error"))).toBe("of an error");
    expect(errorText(new WsctlError("BUSY", "of ours"))).toBe("of ours");
    expect(["a string", undefined, null, 42].map(errorText)).toEqual([
      "a string",
      "undefined",
      "null",
      "42",
    ]);
  });
});
