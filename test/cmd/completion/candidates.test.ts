import { describe, expect, test } from "bun:test";
import * as fc from "fast-check";
import { Candidates } from "../../../cmd/completion/candidates.ts";

const offered = (text: string, description = "") => {
  const candidates = new Candidates({ prefix: "", typed: "" });
  candidates.add(text, description);
  return candidates.lines(true);
};

describe("a candidate from a host", () => {
  test.each(["web-1", "v1.2.3", "a=b", "x:y", "a@b", "@web", "/usr/bin/x", "50%"])(
    "%s is offered",
    (text) => {
      expect(offered(text)).toEqual([text]);
    },
  );

  test.each([
    ...["", "a b", "$(id)", "`id`", "a'b", 'a"b', "a\\b", "a;b", "a|b", "a&b", "a>b", "a*", "a?b"],
    ...["~", "~root", "=ls", "!x", "#x", "-x", "--all", "[a]", "{a,b}", "a\nb", "a\tb", "a\u0000"],
    ...["\u001b[31m", "é", "\u202e", "x".repeat(300)],
  ])("%j is not", (text) => {
    expect(offered(text)).toEqual([]);
  });

  test("never has a character that a shell gives meaning, and always is one line", () => {
    const [any, part] = [fc.string({ unit: "binary" }), fc.string()];
    fc.assert(
      fc.property(any, any, part, (text, description, prefix) => {
        const candidates = new Candidates({ prefix: "", typed: prefix });
        candidates.add(text, description);
        for (const line of candidates.lines(true)) {
          expect(line).toMatch(/^@?[\w/][\w.,@%+:=/-]*(\t[^\p{Cc}\p{Cf}]+)?$/u);
        }
      }),
    );
  });
});

test("descriptions are cleaned, shortened and left out where nobody wants them", () => {
  expect(offered("a", "\u001b[31mred\n\n second ")).toEqual(["a\t\\x1b[31mred second"]);
  expect(offered("a", "x".repeat(1_000))[0]).toHaveLength(2 + 80);
  const candidates = new Candidates({ prefix: "--agent=", typed: "we" });
  candidates.add("web-1", "online");
  candidates.add("db-1", "online");
  candidates.add("web-1", "again");
  expect(candidates.lines(false)).toEqual(["--agent=web-1"]);
});
