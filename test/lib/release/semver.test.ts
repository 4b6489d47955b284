import { describe, expect, test } from "bun:test";
import * as fc from "fast-check";
import { compareVersions, isVersion } from "../../../lib/release/semver.ts";

/** From the oldest to the newest. */
const ladder = [
  "",
  "1",
  "not a version",
  "v1.0.0",
  "0.0.0-0",
  "0.0.0",
  "0.0.1",
  "0.1.0",
  "0.9.0",
  "0.10.0",
  "1.0.0-0",
  "1.0.0-1",
  "1.0.0-10",
  "1.0.0-99999999999999999999",
  "1.0.0-100000000000000000000",
  "1.0.0--",
  "1.0.0-0a",
  "1.0.0-alpha",
  "1.0.0-alpha.1",
  "1.0.0-alpha.1.0",
  "1.0.0-alpha.beta",
  "1.0.0-beta",
  "1.0.0-beta.2",
  "1.0.0-beta.11",
  "1.0.0-rc.1",
  "1.0.0",
  "1.0.1-rc.1",
  "1.0.1",
  "2.0.0",
  "10.0.0",
  "99999999999999999999.0.0",
  "100000000000000000000.0.0",
];

describe("versions", () => {
  test("have their order, every one with every other", () => {
    for (const [i, a] of ladder.entries()) {
      for (const [j, b] of ladder.entries()) {
        const found = { a, b, sign: Math.sign(compareVersions(a, b)) };
        expect(found).toEqual({ a, b, sign: Math.sign(i - j) });
      }
    }
  });

  test("are the same whatever they were built from", () => {
    expect(compareVersions("1.2.3+linux", "1.2.3+build.7")).toBe(0);
    expect(compareVersions("1.2.3-rc.1+a", "1.2.3")).toBeLessThan(0);
  });

  test("have one order for any two texts", () => {
    const text = fc.oneof(
      fc.string(),
      fc.stringMatching(/^[01]\.[01]\.0(-[ab01]{1,2}(\.[a1])?)?$/),
    );
    const property = fc.property(text, text, text, (a, b, c) => {
      expect(Math.sign(compareVersions(a, b)) + Math.sign(compareVersions(b, a))).toBe(0);
      if (compareVersions(a, b) <= 0 && compareVersions(b, c) <= 0) {
        expect(compareVersions(a, c)).toBeLessThanOrEqual(0);
      }
    });
    fc.assert(property);
  });

  test.each(["1.2", "01.2.3", "1.2.3-", "1.2.3-01", "1.2.3-a..b", "1.2.3+", " 1.2.3", "1.2.3\n"])(
    "%p is none",
    (text) => {
      expect(isVersion(text)).toBe(false);
    },
  );

  test.each(["1.2.3", "0.0.0", "1.2.3-a.1", "1.2.3-0a", "1.2.3+007", "1.2.3-a+b-c.d"])(
    "%p is one",
    (text) => {
      expect(isVersion(text)).toBe(true);
    },
  );
});
