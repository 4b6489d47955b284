import { describe, expect, test } from "bun:test";
import { checkSchema } from "../../../../lib/agent/manifests/checkSchema.ts";
import { checkParameters } from "../../../../lib/protocol/checkParameters.ts";

const circle = {
  $defs: { a: { items: { $ref: "#/$defs/b" } }, b: { anyOf: [{ $ref: "#/$defs/a" }] } },
  properties: { x: { $ref: "#/$defs/a" } },
};

describe("an operator's schema", () => {
  test.each([
    [{}],
    [{ properties: { a: { type: "string", pattern: "^v[0-9]+$" }, b: true } }],
    [{ $defs: { a: { type: "integer" } }, properties: { x: { $ref: "#/$defs/a" } } }],
    [{ definitions: { a: {} }, items: [{ $ref: "#/definitions/a" }, { $ref: "#/definitions/a" }] }],
    [{ allOf: [{ if: { required: ["a"] }, else: { properties: { b: {} } } }] }],
    // A parameter may be called like a keyword.
    [{ properties: { $ref: { type: "string" }, pattern: {}, type: {} } }],
  ])("%j is fine", (schema) => {
    expect(checkSchema(schema, "parameters")).toBeUndefined();
    expect(() => checkParameters(schema, { a: 1 })).not.toThrow();
  });

  test.each<[object, RegExp]>([
    [{ $ref: "#" }, /^parameters\.\$ref: "#" does not exist/],
    [{ properties: { a: { $ref: "#/nowhere" } } }, /^parameters\.properties\.a\.\$ref: /],
    [{ properties: { a: { $ref: "#/$defs/a" } } }, /does not exist/],
    [{ $defs: { a: { $ref: "#/$defs/a" } }, properties: { x: { $ref: "#/$defs/a" } } }, /itself/],
    [circle, /refers to itself/],
    [{ patternProperties: { "(": {} } }, /^parameters\.patternProperties\."\("/],
    [{ propertyNames: { pattern: "(" } }, /^parameters\.propertyNames\.pattern/],
    [{ not: { properties: { a: { pattern: "[" } } } }, /^parameters\.not\.properties\.a\.pattern/],
    [{ anyOf: [{}, { type: "text" }] }, /^parameters\.anyOf\.1\.type: "text" is not a type/],
    [{ items: 1 }, /^parameters\.items: must be a JSON Schema/],
    [{ properties: [] }, /^parameters\.properties: must be a table/],
    [{ oneOf: {} }, /^parameters\.oneOf: must be a list/],
    [{ $dynamicRef: "#x" }, /^parameters\.\$dynamicRef: is not supported/],
    [{ properties: { a: { default: Number.NaN } } }, /a number that is out of range/],
  ])("%j is refused by name", (schema, says) => {
    expect(checkSchema(schema as never, "parameters")).toMatch(says);
  });

  test.each([10, 30, 1_000])("whose references double %i times is refused at once", (doublings) => {
    const $defs: Record<string, object> = { [`d${doublings}`]: { type: "string" } };
    for (let index = 0; index < doublings; index++) {
      const next = { $ref: `#/$defs/d${index + 1}` };
      $defs[`d${index}`] = { allOf: [next, next] };
    }
    const schema = { $defs, properties: { x: { $ref: "#/$defs/d0" } } };
    expect(checkSchema(schema, "parameters")).toMatch(
      /^parameters: expands to more than 1000 schemas/,
    );
  });

  test("that a validator would throw at lets nothing through, and throws nothing", () => {
    for (const schema of [{ $ref: "#/nowhere" }, { patternProperties: { "(": {} } }]) {
      expect(checkParameters(schema, { a: 1 })).toMatch(/their schema is invalid/);
    }
  });
});
