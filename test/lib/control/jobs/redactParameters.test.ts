import { describe, expect, test } from "bun:test";
import {
  redactParameters,
  secretText,
  unknownText,
} from "../../../../lib/control/jobs/redactParameters.ts";

const schema = {
  properties: {
    version: { type: "string" },
    password: { type: "string", writeOnly: true },
    pin: { type: "string", format: "password" },
    login: { properties: { user: {}, key: { writeOnly: true } } },
    users: { type: "array", items: { properties: { key: { writeOnly: true } } } },
    tags: { type: "array" },
  },
};

describe("parameters in the audit trail", () => {
  test.each([
    [{ version: "v1" }, { version: "v1" }],
    [{ password: "p" }, { password: secretText }],
    [{ pin: "p" }, { pin: secretText }],
    [{ other: "p" }, { other: unknownText }],
    [{ login: { user: "u", key: "k" } }, { login: { user: "u", key: secretText } }],
    [{ login: { more: "k" } }, { login: { more: unknownText } }],
    [{ users: [{ key: "k" }] }, { users: secretText }],
    [{ tags: ["a"] }, { tags: ["a"] }],
    [{ ["__proto__"]: 1 }, { ["__proto__"]: unknownText }],
  ])("of %j are %j", (parameters, expected) => {
    expect(redactParameters(parameters, [schema])).toEqual(expected);
  });

  test("are kept by no schema, and left out as soon as one of several says secret", () => {
    expect(redactParameters({ version: "v1" }, [])).toEqual({ version: unknownText });
    const other = { properties: { version: { writeOnly: true } } };
    expect(redactParameters({ version: "v1" }, [schema, other])).toEqual({ version: secretText });
  });
});
