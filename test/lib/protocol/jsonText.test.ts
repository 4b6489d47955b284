import { describe, expect, test } from "bun:test";
import * as fc from "fast-check";
import { findLossyJson } from "../../../lib/protocol/jsonText.ts";

describe("findLossyJson()", () => {
  test.each([
    ['{"zfs_guid": 9007199254740993}', "the number 9007199254740993"],
    ["[18446744073709551615]", "the number 18446744073709551615"],
    ["[3.14159265358979323846]", "the number 3.14159265358979323846"],
    ["[1e400]", "the number 1e400"],
    ["[-9007199254740993]", "the number -9007199254740993"],
    ['{"a":1,"b":{"a":2},"a":3}', 'the key "a" twice'],
    ['{"a":1,"\\u0061":2}', 'the key "\\u0061" twice'],
  ])("finds what is lost of %s", (text, fault) => {
    expect(findLossyJson(text)).toStartWith(fault);
  });

  test.each([
    "9007199254740992",
    "[1.10, 1E5, 100000, 0.1, -0, 0, 1e-7, 123456789.125, 1e21, 5e-324]",
    '{"text":"9007199254740993","a":[{"b":1},{"b":2}]}',
    '{"a \\" : 9007199254740993":1}',
  ])("finds nothing in %s", (text) => {
    expect(findLossyJson(text)).toBeUndefined();
  });

  test("finds nothing in what JSON itself writes", () => {
    fc.assert(
      fc.property(fc.json({ stringUnit: "binary" }), (json) => {
        expect(findLossyJson(JSON.stringify(JSON.parse(json)))).toBeUndefined();
      }),
      { numRuns: 1_000 },
    );
  });
});
