import { Database } from "bun:sqlite";
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { matches, parseSelector } from "../../../../lib/protocol/api/selector.ts";

const web = { env: "prod", role: "web", zone: "" };
const valueIn = (labels: Record<string, string>) => (name: string) =>
  Object.hasOwn(labels, name) ? labels[name] : undefined;

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
    expect(matches(parseSelector(text), valueIn(web))).toBe(expected);
  });

  test.each([
    ["env=prod or role=api", true],
    ["env=staging or role=api", false],
    ["env=staging or env=prod and role=web", true],
    ["(env=prod or env=staging) and role=api", false],
    ["(env=prod or env=staging), role=web", true],
    ["not env=staging", true],
    ["not (env=prod or tier)", false],
    ["not not env=prod", true],
    ["role=w*", true],
    ["role=?eb", true],
    ["role=?b", false],
    ["role!=w*", false],
    ["role in (a*, *b)", true],
    ["zone=, env=prod", true],
    ["zone= and env=prod", true],
  ])("more than Kubernetes has: %s", (text, expected) => {
    expect(matches(parseSelector(text), valueIn(web))).toBe(expected);
  });

  test.each([
    ["", /it ends before a label/],
    ["env=prod,", /it ends before a label/],
    ["env=prod role=web", /"role=web" in selector: an unexpected token follows/],
    ["env in prod", /expected a list in parentheses/],
    ["env in (a", /a parenthesis is not closed/],
    ["(env=a", /a parenthesis is not closed/],
    ["env=a)", /an unexpected token/],
    ["-env=prod", /a label is letters/],
    ["env=pr od", /an unexpected token/],
    ["env=-prod", /a value is letters/],
    ["=prod", /a label is letters/],
    ["!", /it ends before a label/],
    ["env=a or", /it ends before a label/],
    ["and", /a label is letters/],
    ["(".repeat(40), /nested deeper than 32 levels/],
    ["not ".repeat(40), /nested deeper than 32 levels/],
    ["x".repeat(2_000), /over 1024 characters/],
    [`a in (${Array(33).fill("*b").join(",")})`, /"\*" more than 32 times/],
  ])("%j is refused by name", (text, says) => {
    expect(() => parseSelector(text)).toThrow(says);
  });
});

/**
 * The same question put to SQLite, which shares no line with our own parser and evaluation: values
 * are columns, `and`, `or` and `not` are SQL's with SQL's own precedence, wildcards are GLOB.
 */
describe("an independent judge agrees", () => {
  const names = ["a", "b", "c"];
  const value = fc.constantFrom("x", "y", "xy", "x*", "?y", "");
  const name = fc.constantFrom(...names);
  type Said = { text: string; sql: string };
  const glob = (column: string, wanted: string) => `coalesce(${column} GLOB '${wanted}', 0)`;
  const requirement: fc.Arbitrary<Said> = fc.oneof(
    name.map((label) => ({ text: label, sql: `${label} IS NOT NULL` })),
    name.map((label) => ({ text: `!${label}`, sql: `${label} IS NULL` })),
    fc.tuple(name, value, fc.constantFrom("=", "==")).map(([label, wanted, sign]) => {
      return { text: `${label}${sign}${wanted}`, sql: glob(label, wanted) };
    }),
    fc.tuple(name, value).map(([label, wanted]) => {
      return { text: `${label}!=${wanted}`, sql: `NOT ${glob(label, wanted)}` };
    }),
    fc
      .tuple(name, fc.array(value, { minLength: 1, maxLength: 3 }), fc.boolean())
      .map(([label, list, isIn]) => {
        const any = `(${list.map((wanted) => glob(label, wanted)).join(" OR ")})`;
        const word = isIn ? "in" : "notin";
        return { text: `${label} ${word} (${list.join(", ")})`, sql: isIn ? any : `NOT ${any}` };
      }),
  );
  const { whole } = fc.letrec<{ whole: Said; part: Said }>((tie) => ({
    part: fc.oneof(
      { depthSize: "small", withCrossShrink: true },
      requirement,
      tie("whole").map(({ text, sql }) => ({ text: `(${text})`, sql: `(${sql})` })),
      tie("part").map(({ text, sql }) => ({ text: `not ${text}`, sql: `NOT ${sql}` })),
    ),
    whole: fc
      .tuple(
        tie("part"),
        fc.array(fc.tuple(fc.constantFrom(",", " and ", " or "), tie("part")), { maxLength: 3 }),
      )
      .map(([first, rest]) =>
        rest.reduce(
          (said, [joint, next]) => ({
            text: `${said.text}${joint}${next.text}`,
            sql: `${said.sql}${joint === " or " ? " OR " : " AND "}${next.sql}`,
          }),
          first,
        ),
      ),
  }));
  const labels = fc.record(
    {
      a: fc.constantFrom("x", "y", "xy", ""),
      b: fc.constantFrom("x", "y", "xy", ""),
      c: fc.constantFrom("x", "zy"),
    },
    { requiredKeys: [] },
  );

  test("over 20,000 selectors and sets of labels", () => {
    using db = new Database(":memory:");
    fc.assert(
      fc.property(whole, labels, ({ text, sql }, has) => {
        const columns = names.map((each) => {
          const found = (has as Record<string, string>)[each];
          return `${found === undefined ? "NULL" : `'${found}'`} AS ${each}`;
        });
        const row = db.query(`SELECT (${sql}) AS held FROM (SELECT ${columns.join(", ")})`).get();
        const expected = (row as { held: number }).held === 1;
        expect(matches(parseSelector(text), valueIn(has as Record<string, string>))).toBe(expected);
      }),
      { numRuns: 20_000 },
    );
  });
});
