import { describe, expect, test } from "bun:test";
import * as fc from "fast-check";
import { nearest } from "../../../lib/protocol/nearest.ts";

const flags = ["--server", "--json", "--agent", "--agents", "--data-dir", "--all", "--ttl"];

describe("nearest()", () => {
  test.each([
    ["--serve", "--server"],
    ["--srever", "--server"],
    ["--serverr", "--server"],
    ["-server", "--server"],
    ["--json", "--json"],
    ["--jsn", "--json"],
    ["--agent", "--agent"],
    ["--agentss", "--agents"],
    ["--datadir", "--data-dir"],
    ["--data_dir", "--data-dir"],
    ["--tll", "--ttl"],
    ["--al", "--all"],
    ["--tl", "--ttl"],
  ])("nearest(): the suggestion for %s is %s", (given, wanted) => {
    expect(nearest(given, flags)).toBe(wanted);
  });

  test.each(["--frobnicate", "", "xyz", "--x"])(
    "nearest(): there is no suggestion for %j",
    (given) => {
      expect(nearest(given, flags)).toBeUndefined();
    },
  );

  test("nearest(): without known words there is no suggestion", () => {
    expect(nearest("send", [])).toBeUndefined();
  });

  test("of two that are equally near is the one that begins more alike", () => {
    expect(nearest("bat", ["cat", "bad"])).toBe("bad");
    expect(nearest("bat", ["bad", "cat"])).toBe("bad");
  });

  test("nearest(): of two equal distances it returns the first", () => {
    expect(nearest("bat", ["cat", "hat"])).toBe("cat");
  });

  test("finds every right spelling, and one behind every single slip", () => {
    const slip = fc.record({
      word: fc.constantFrom("restart", "conformance", "schedules", "completion"),
      at: fc.nat(20),
      kind: fc.constantFrom("drop", "add", "change"),
    });
    const words = ["restart", "conformance", "schedules", "completion"];
    fc.assert(
      fc.property(slip, ({ word, at, kind }) => {
        expect(nearest(word, words)).toBe(word);
        const index = at % word.length;
        const rest = word.slice(kind === "add" ? index : index + 1);
        const slipped = word.slice(0, index) + (kind === "drop" ? "" : "Q") + rest;
        expect(nearest(slipped, words)).toBe(word);
      }),
    );
  });
});
