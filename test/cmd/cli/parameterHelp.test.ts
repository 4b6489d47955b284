import { describe, expect, test } from "bun:test";
import * as fc from "fast-check";
import { listParameters, written } from "../../../cmd/cli/parameterHelp.ts";
import type { JsonObject } from "../../../lib/protocol/json.ts";

const wordsOf = (schema: JsonObject) => listParameters({ properties: { p: schema } })[0]?.words;

describe("listParameters() says in words", () => {
  test.each<[JsonObject, string]>([
    [{}, "any value"],
    [{ type: "string" }, "text"],
    [{ type: "string", minLength: 1, maxLength: 40 }, "text of 1 to 40 characters"],
    [{ type: "string", minLength: 4, maxLength: 4 }, "text of 4 characters"],
    [{ type: "string", maxLength: 40 }, "text of at most 40 characters"],
    [{ type: "string", pattern: "^v[0-9]+$" }, "text matching ^v[0-9]+$"],
    [{ type: "integer", minimum: 0, maximum: 9 }, "a whole number from 0 to 9"],
    [{ type: "number", minimum: 1 }, "a number of at least 1"],
    [
      { type: "number", exclusiveMinimum: 0, exclusiveMaximum: 1 },
      "a number more than 0 less than 1",
    ],
    [{ type: "integer", multipleOf: 5 }, "a whole number a multiple of 5"],
    [{ type: "boolean" }, "true or false"],
    [{ type: ["string", "null"] }, "text or null"],
    [
      { type: "array", items: { type: "string" }, minItems: 1 },
      "a list of at least 1 items, each text",
    ],
    [{ type: "object", properties: { a: {}, b: {} } }, "an object with a, b"],
    [{ enum: ["test", "live", 3, "3"] }, 'one of test, live, 3, "3"'],
    [{ const: "x" }, "always x"],
    [{ type: "object", format: "artifact", properties: { name: {} } }, "a file"],
  ])("listParameters(): describes the schema %j", (schema, words) => {
    expect(wordsOf(schema)).toBe(words);
  });

  test("what is required, before what is not, with defaults and descriptions", () => {
    const schema = {
      required: ["b"],
      properties: {
        a: { type: "boolean", default: false, description: "whether" },
        b: { type: "string", title: "which" },
      },
    };
    expect(listParameters(schema)).toEqual([
      {
        name: "b",
        words: "text",
        isRequired: true,
        isFile: false,
        description: "which",
        values: [],
      },
      {
        name: "a",
        words: "true or false",
        isRequired: false,
        isFile: false,
        default: "false",
        description: "whether",
        values: ["true", "false"],
      },
    ]);
  });

  test("of many values the first, and how many more there are", () => {
    const values = Array.from({ length: 25 }, (_, index) => `v${index}`);
    expect(wordsOf({ enum: values })).toEndWith("v19 and 5 more");
  });

  test("listParameters(): accepts any schema", () => {
    const keyword = fc.constantFrom(
      ...["type", "enum", "const", "required", "properties", "items", "minimum", "pattern"],
      ...["description", "title", "default", "maxLength"],
    );
    const schema = fc.dictionary(keyword, fc.jsonValue());
    fc.assert(
      fc.property(fc.dictionary(fc.string(), schema), schema, (properties, rest) => {
        const parameters = listParameters({ ...rest, properties } as JsonObject);
        expect(parameters).toHaveLength(Object.keys(properties).length);
        for (const { words } of parameters) expect(words).not.toBe("");
      }),
    );
  });
});

test("written() gives what a command line reads as the same value", () => {
  expect(written("text")).toBe("text");
  expect(written("1")).toBe('"1"');
  expect(written("true")).toBe('"true"');
  expect(written(true)).toBe("true");
  expect(written({ a: 1 })).toBe('{"a":1}');
});
