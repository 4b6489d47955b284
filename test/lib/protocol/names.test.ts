import { describe, expect, test } from "bun:test";
import * as fc from "fast-check";
import * as v from "valibot";
import { AgentId, CommandName, RequestId } from "../../../lib/protocol/names.ts";

describe("AgentId", () => {
  const good = ["a", "0", "web-1", "web-1.example.com", "a_b", "a--b", "a..b", "x".repeat(128)];
  test.each([...good, "10.0.0.1", "a._-b", "constructor"])("takes %j", (id) => {
    expect(v.is(AgentId, id)).toBe(true);
  });

  const bad = ["", "A", "Web-1", "-a", "a-", ".a", "a.", "_a", "a_", ".", "..", "-", "a b", " a"];
  const paths = [
    "a/b",
    "../a",
    "a\\b",
    "/etc/passwd",
    "a\0b",
    "a\nb",
    "a\n",
    "a\r",
    "\ta",
    "a%2fb",
  ];
  const others = ["é", "а", "ａ", "a:b", "a*b", "a>b", "a$b", "a'b", "x".repeat(129), "__proto__"];
  test.each([...bad, ...paths, ...others])("refuses %j", (id) => {
    expect(v.is(AgentId, id)).toBe(false);
  });

  test("refuses what is no string", () => {
    for (const id of [undefined, null, 1, true, [], {}, ["a"]]) {
      expect([id, v.is(AgentId, id)]).toEqual([id, false]);
    }
  });

  /** Strings that are near to ids, so that enough of them are accepted. */
  const near = fc.string({
    unit: fc.constantFrom(..."ab09zZ._-/\\ \0\r\n:é".split("")),
    minLength: 1,
    maxLength: 8,
  });

  test("never takes a separator, a line break, a space, or punctuation at an end", () => {
    let taken = 0;
    fc.assert(
      fc.property(fc.oneof(near, fc.string({ unit: "binary" })), (id) => {
        if (!v.is(AgentId, id)) return;
        taken++;
        expect(id).not.toMatch(/[/\\\0\r\n\s:]/);
        expect(id).toMatch(/^[a-z0-9]/);
        expect(id).toMatch(/[a-z0-9]$/);
        expect(id).toBe(id.toLowerCase());
      }),
      { numRuns: 2_000 },
    );
    expect(taken).toBeGreaterThan(0);
  });

  test("takes every lower-case host name", () => {
    const label = fc.stringMatching(/^[a-z0-9]([a-z0-9-]{0,10}[a-z0-9])?$/);
    fc.assert(
      fc.property(fc.array(label, { minLength: 1, maxLength: 5 }), (labels) => {
        expect(v.is(AgentId, labels.join("."))).toBe(true);
      }),
    );
  });

  test("judges a long run of separators at once", () => {
    expect(v.is(AgentId, `a${".-_".repeat(20_000)}`)).toBe(false);
  });
});

describe.each([
  ["RequestId", RequestId],
  ["CommandName", CommandName],
] as const)("%s", (_, Name) => {
  const good = ["1", "123456", "a b", "Überfall", "日本", "😀", "__proto__", '"', "\\", "../x"];
  test.each([...good, "x".repeat(128), "0f8e7a52-5d0c-4c1a-9a55-9f3f1c1f2d3e"])(
    "takes %j",
    (name) => {
      expect(v.is(Name, name)).toBe(true);
    },
  );

  const controls = ["a\0", "a\n", "\r", "a\tb", "\x1b[2J", "a\x7f", "\x9b", "a\u2028b", "a\u2029"];
  const invisible = [
    "\u200b",
    "a\u202eb",
    "\u2066",
    "\ufeff",
    "a\u00ad",
    "\ue000",
    "\ud800",
    "\u061c",
  ];
  test.each([...controls, ...invisible, "", " ", "\u00a0", "\u3000", "x".repeat(129)])(
    "refuses %j",
    (name) => {
      expect(v.is(Name, name)).toBe(false);
    },
  );

  test("refuses what is no string", () => {
    for (const name of [undefined, null, 1, true, [], {}, ["a"]]) {
      expect([name, v.is(Name, name)]).toEqual([name, false]);
    }
  });

  test("never takes a control character, a line break or half of a pair", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", minLength: 1, maxLength: 6 }), (name) => {
        if (!v.is(Name, name)) return;
        expect(name).not.toMatch(/[\x00-\x1f\x7f-\x9f\u2028\u2029]/);
        expect(name.isWellFormed()).toBe(true);
        expect(name.trim()).not.toBe("");
      }),
      { numRuns: 1_000 },
    );
  });
});
