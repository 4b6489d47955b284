import { describe, expect, test } from "bun:test";
import { matches, parseSelector } from "../../../lib/protocol/selector.ts";

const web = { env: "prod", role: "web", zone: "" };

describe("a selector", () => {
  test.each([
    ["env=prod", true],
    ["env==prod", true],
    [" env = prod ", true],
    ["env!=prod", false],
    ["env!=staging", true],
    ["tier!=one", true],
    ["env in (staging, prod)", true],
    ["env in (staging)", false],
    ["env notin (staging)", true],
    ["tier notin (one)", true],
    ["tier in (one)", false],
    ["env", true],
    ["tier", false],
    ["!tier", true],
    ["! env", false],
    ["zone=", true],
    ["zone", true],
    ["env=prod,role in (web,api),!canary", true],
    ["env=prod,role=api", false],
    ["toString", false],
    ["!constructor", true],
  ])("%s", (text, expected) => {
    expect(matches(parseSelector(text), web)).toBe(expected);
  });

  test.each([
    ["", /it is no requirement/],
    ["env=prod,", /nothing follows its comma/],
    ["env=prod role=web", /it is no requirement/],
    ["env in prod", /it is no requirement/],
    ["env in (a", /it is no requirement/],
    ["-env=prod", /a label is letters/],
    ["env=pr od", /it is no requirement/],
    ["env=-prod", /a value is letters/],
    ["=prod", /it is no requirement/],
    ["!", /it is no requirement/],
    ["x".repeat(2_000), /over 1024 characters/],
  ])("%j is refused by name", (text, says) => {
    expect(() => parseSelector(text)).toThrow(says);
  });
});
