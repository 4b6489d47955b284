import { describe, expect, test } from "bun:test";
import * as fc from "fast-check";
import { findUnsafeNumber, isJsonObject, isWithinDepth } from "../../../lib/protocol/json.ts";

function depthOf(value: unknown): number {
  if (typeof value !== "object" || value === null) return 0;
  return 1 + Math.max(0, ...Object.values(value).map(depthOf));
}

describe("isWithinDepth()", () => {
  test.each([
    ["", 0, true],
    ["1", 0, true],
    ["[]", 0, false],
    ["[]", 1, true],
    ["[[]]", 1, false],
    ['{"a":[{}]}', 2, false],
    ['{"a":[{}]}', 3, true],
    ["[][][]", 1, true],
    ['"[[["', 0, true],
    ['"\\"[[["', 0, true],
    ['"\\\\"[', 0, false],
    ['{"[[":"]]{{"}', 1, true],
    ['"open [[[', 0, true],
  ])("of %j within %d levels: %j", (text, max, isWithin) => {
    expect(isWithinDepth(text, max)).toBe(isWithin);
  });

  test("agrees with the depth of the parsed value", () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 6 }), fc.nat(7), (value, max) => {
        const text = JSON.stringify(value);
        expect(isWithinDepth(text, max)).toBe(depthOf(JSON.parse(text)) <= max);
      }),
      { numRuns: 500 },
    );
  });
});

describe("findUnsafeNumber()", () => {
  test.each([[null], [true], [0], [-1.5], [Number.MAX_VALUE], [""], ["😀"], [[]], [{}]])(
    "finds nothing in %j",
    (value) => {
      expect(findUnsafeNumber(value)).toBeUndefined();
      expect(findUnsafeNumber({ a: [{ b: value }] })).toBeUndefined();
    },
  );

  test.each([
    [Number.POSITIVE_INFINITY, "a number that is out of range"],
    [Number.NEGATIVE_INFINITY, "a number that is out of range"],
    [Number.NaN, "a number that is out of range"],
    ["\ud800", "a string with a lone surrogate"],
    ["x\udfff", "a string with a lone surrogate"],
    [{ "\ud800": 1 }, "a string with a lone surrogate"],
  ])("names what is wrong with %j, at any depth", (value, flaw) => {
    expect(findUnsafeNumber(value)).toBe(flaw);
    expect(findUnsafeNumber([1, { a: [value] }])).toBe(flaw);
  });

  test("finds nothing in whatever JSON.stringify() writes of well-formed values", () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        expect(findUnsafeNumber(JSON.parse(JSON.stringify(value)))).toBeUndefined();
      }),
    );
  });
});

describe("isJsonObject()", () => {
  test.each([[{}], [{ a: 1 }], [JSON.parse('{"__proto__":1}')], [Object.create(null)]])(
    "takes %j",
    (value) => {
      expect(isJsonObject(value)).toBe(true);
    },
  );

  test.each([[null], [undefined], [[]], [[{}]], ["{}"], [1], [true]])("refuses %j", (value) => {
    expect(isJsonObject(value)).toBe(false);
  });
});
