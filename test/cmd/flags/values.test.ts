import { describe, expect, test } from "bun:test";
import * as fc from "fast-check";
import {
  parseAgentId,
  parseBytes,
  parseObject,
  parseParams,
  parseSeconds,
  parseSecondsWithin,
} from "../../../cmd/flags/values.ts";
import { WsctlError } from "../../../lib/protocol/errors.ts";

function faultOf(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    expect(error).toBeInstanceOf(WsctlError);
    expect(error).toMatchObject({ code: "USAGE" });
    return (error as Error).message;
  }
  throw new Error("accepted");
}

describe("parseBytes()", () => {
  test.each([
    ["0", 0],
    ["512", 512],
    ["512B", 512],
    ["500KB", 500_000],
    ["1.5MB", 1_500_000],
    ["5GB", 5_000_000_000],
    ["5 gb", 5_000_000_000],
    ["2TB", 2_000_000_000_000],
  ])("reads %s as %d bytes", (text, bytes) => {
    expect(parseBytes("artifact-max", text)).toBe(bytes);
  });

  test.each(["", "GB", "-1GB", "5GiB", "5 000", "1e9", "5G", "999999999999999TB"])(
    "refuses %p by the flag's name",
    (text) => {
      const fault = faultOf(() => parseBytes("artifact-max", text));
      expect(fault).toBe(`Flag --artifact-max is "${text}": expected a size such as 500MB, 5GB`);
    },
  );
});

describe("parseSecondsWithin()", () => {
  test("takes a time from a second to the most", () => {
    expect(parseSecondsWithin("ttl", "1s", 60)).toBe(1);
    expect(parseSecondsWithin("ttl", "1m", 60)).toBe(60);
  });

  test.each([
    ["500ms", 7 * 86_400, "7d"],
    ["8d", 7 * 86_400, "7d"],
    ["3h", 7_200, "2h"],
    ["91", 90, "90s"],
  ])("refuses %p by the flag's name", (text, most, shown) => {
    expect(faultOf(() => parseSecondsWithin("ttl", text, most))).toBe(
      `Flag --ttl is "${text}": expected a time from 1s to ${shown}`,
    );
  });
});

test("parseAgentId(): names the flag of an invalid ID", () => {
  expect(parseAgentId("agent", "web-1")).toBe("web-1");
  expect(faultOf(() => parseAgentId("agent", "../x"))).toStartWith(
    'Flag --agent: "../x" is not an agent ID: it',
  );
});

describe("parseSeconds()", () => {
  test.each([
    ["30s", 30],
    ["30", 30],
    ["0", 0],
    ["5m", 300],
    ["1h", 3_600],
    ["7d", 604_800],
    ["500ms", 0.5],
    ["1.5h", 5_400],
    ["0.5s", 0.5],
    ["007s", 7],
  ])("reads %s as %d s", (text, seconds) => {
    expect(parseSeconds("timeout", text)).toBe(seconds);
  });

  const bad = ["", "s", "30 s", " 30s", "30s ", "-1s", "+1s", "1e3", "1h30m", "30S", "30sec", "1w"];
  test.each([...bad, ".5s", "5.s", "1,5s", "0x10", "NaN", "Infinity", "30s\n", "３0s", "1_000"])(
    "refuses %j, naming the flag",
    (text) => {
      expect(faultOf(() => parseSeconds("ttl", text))).toBe(
        `Flag --ttl is "${text}": expected a time such as 30s, 5m, 1h`,
      );
    },
  );
});

describe("parseParams()", () => {
  test.each([
    [[], {}],
    [["a=1"], { a: 1 }],
    [["a=1", "b=two"], { a: 1, b: "two" }],
    [["a=true", "b=null", "c=-1.5"], { a: true, b: null, c: -1.5 }],
    [['a={"b":[1,2]}'], { a: { b: [1, 2] } }],
    [['a="1"'], { a: "1" }],
    [["a="], { a: "" }],
    [["a=b=c"], { a: "b=c" }],
    [["a= x "], { a: " x " }],
    [["a=1.2.3", "b=01", "c={", "d=True"], { a: "1.2.3", b: "01", c: "{", d: "True" }],
    [["a b=1", "ä=2"], { "a b": 1, ä: 2 }],
  ])("reads %j", (pairs, parameters) => {
    expect(parseParams(pairs)).toEqual(parameters);
  });

  test.each(["a", "", "=", "=1"])("refuses %j, which names no key", (pair) => {
    expect(faultOf(() => parseParams([pair]))).toBe(
      `Flag --param is "${pair}": expected KEY=VALUE`,
    );
  });

  test("refuses a key that is given twice", () => {
    expect(faultOf(() => parseParams(["a=1", "b=2", "a=1"]))).toBe('Flag --param names "a" twice');
    expect(faultOf(() => parseParams(["__proto__=1", "__proto__=2"]))).toContain("twice");
  });

  test("keeps prototype-like keys as plain keys", () => {
    const parameters = parseParams(['__proto__={"polluted":1}', "constructor=1", "toString=2"]);
    expect(Object.keys(parameters)).toEqual(["__proto__", "constructor", "toString"]);
    expect(Object.getPrototypeOf(parameters)).toBe(Object.prototype);
    expect("polluted" in parameters).toBe(false);
    expect(JSON.stringify(parameters)).toBe(
      '{"__proto__":{"polluted":1},"constructor":1,"toString":2}',
    );
  });

  test("reads any JSON value back", () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const text = JSON.stringify(value);
        expect(parseParams([`key=${text}`])).toEqual({ key: JSON.parse(text) });
      }),
    );
  });
});

describe("parseParams() and numbers that would change", () => {
  test.each(["1e999", "12345678901234567890", "-9007199254740993"])("refuses %s", (text) => {
    expect(() => parseParams([`a=${text}`])).toThrow("as text it is written");
    expect(parseParams([`a="${text}"`])).toEqual({ a: text });
  });

  test("parseObject() refuses a number that is out of range", () => {
    expect(() => parseObject("its value", '{"a":1e999}')).toThrow("out of range");
  });
});

describe("parseObject()", () => {
  test("reads an object", () => {
    expect(parseObject("the text", ' {"a":[1]} ')).toEqual({ a: [1] });
    expect(parseObject("the text", "{}")).toEqual({});
  });

  test.each(["", "{", "a=1", "{'a':1}", "\ufeff{}"])("refuses %j, which is no JSON", (text) => {
    expect(faultOf(() => parseObject("file x.json", text))).toBe(
      "Flag --params: file x.json is not JSON",
    );
  });

  test.each(["[]", "null", "1", '"a"', "true"])("refuses %s, which is no object", (text) => {
    expect(faultOf(() => parseObject("standard input", text))).toBe(
      "Flag --params: standard input must be a JSON object",
    );
  });
});
