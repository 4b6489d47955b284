import { describe, expect, test } from "bun:test";
import { compileSafe, toSafeSchema } from "../../../../lib/control/capabilities/safeSchema.ts";
import { checkParameters } from "../../../../lib/protocol/checkParameters.ts";

const ofPattern = (pattern: string) => ({ properties: { p: { type: "string", pattern } } });
const keeps = (pattern: string) => {
  const { p } = toSafeSchema(ofPattern(pattern)).properties as { p: object };
  return "pattern" in p;
};

describe("an agent's schema", () => {
  test.each(["^v[0-9]+$", "^[a-z]{1,40}$", "^(a|b)$", "^\\d+\\.\\d+$", "^[^)+*]+$"])(
    "keeps a pattern that cannot take long: %s",
    (pattern) => expect(keeps(pattern)).toBe(true),
  );

  test.each([
    "(a+)+$",
    "^(a|aa)*$",
    "(.*)\\1",
    "^(?=.*a).*$",
    "a*a*a*b",
    "(a{1,9}){9}",
    "x{1,5000}",
    "(",
  ])("loses a pattern that could: %s", (pattern) => expect(keeps(pattern)).toBe(false));

  test("what marks a secret is kept, so that the audit trail can mask it", () => {
    const schema = {
      properties: { a: { type: "string", writeOnly: true }, b: { format: "password" } },
    };
    expect(toSafeSchema(schema)).toEqual(schema);
  });

  test("safe schema: drops references and combinations, and then rejects no unknown properties", () => {
    const schema = {
      type: "object",
      properties: { a: { $ref: "#" } },
      additionalProperties: false,
      allOf: [{ properties: { b: {} } }],
    };
    const kept = toSafeSchema(schema);
    expect(kept).toEqual({ type: "object", properties: { a: {} } });
    expect(checkParameters(kept, { a: 1, b: 2 })).toBeUndefined();
  });

  test("still says what is wrong, and where", () => {
    const schema = toSafeSchema({
      type: "object",
      properties: { list: { type: "array", items: { type: "integer", minimum: 3 } } },
      required: ["list"],
      additionalProperties: false,
    });
    expect(checkParameters(schema, {})).toBe("parameters.list is missing");
    expect(checkParameters(schema, { list: ["x"] })).toBe(
      "parameters.list.0 must be of the type integer",
    );
    expect(checkParameters(schema, { list: [3], x: 1 })).toBe("parameters.x is unknown");
  });

  test("keeps keys such as __proto__ plain", () => {
    const schema = JSON.parse('{"properties": {"__proto__": {"type": "string"}}}');
    expect(Object.keys(toSafeSchema(schema).properties as object)).toEqual(["__proto__"]);
  });

  test("lets parameters of any length leave out what has a default", () => {
    const schema = toSafeSchema({
      properties: { argv: { type: "array" }, stdin: { type: "string", default: "" } },
      required: ["argv", "stdin"],
      minProperties: 2,
    });
    for (const length of [1, 5_000]) {
      const parameters = { argv: ["x".repeat(length)] };
      const judged = compileSafe(schema, parameters);
      expect(judged.required).toEqual(["argv"]);
      expect(checkParameters(judged, parameters)).toBeUndefined();
      expect(checkParameters(judged, { stdin: "y".repeat(length) })).toBe(
        "parameters.argv is missing",
      );
    }
  });
});
