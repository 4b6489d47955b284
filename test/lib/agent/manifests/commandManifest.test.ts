import { describe, expect, test } from "bun:test";
import {
  applyDefaults,
  buildArgv,
  parseProgram,
} from "../../../../lib/agent/manifests/commandManifest.ts";
import type { JsonObject } from "../../../../lib/protocol/json.ts";

const least = 'description = "d"\nargv = ["/bin/true"]\n';

describe("parseProgram()", () => {
  test("reads what is needed and fills in the rest", () => {
    expect(parseProgram("deploy.toml", least)).toMatchObject({
      name: "deploy",
      argv: ["/bin/true"],
      env: {},
      schema: { type: "object", additionalProperties: false },
    });
  });

  test.each([
    ["argv = [", "is not valid TOML"],
    ['argv = ["/bin/true"]', "description is missing"],
    ['description = "d"', "argv is missing"],
    ['description = "d"\nargv = []', "argv must name a program"],
    ['description = "d"\nargv = "echo hi"', "argv must be"],
    [`${least}shell = true`, "shell is unknown"],
    [`${least}timeout_seconds = 0`, "timeout_seconds must be a whole number from 1"],
    [`${least}concurrency = 1.5`, "concurrency must be a whole number"],
    [`${least}user = "a b"`, "user must be the name of a user"],
    [`${least}directory = "here"`, "directory must be an absolute path"],
    [`${least}env = { A = 1 }`, "env"],
    ['description = "d"\nargv = ["/bin/echo", "{x}"]', 'argv[1]: no parameter is called "x"'],
    [
      'description = "d"\nargv = ["/bin/echo", "{x}"]\n[parameters.properties.x]\ntype = "string"',
      'argv[1]: parameter "x" must be required or have a default',
    ],
    [
      'description = "d"\nargv = ["{x}"]\n[parameters.properties.x]\ndefault = "a"',
      "argv[0]: the program itself must not depend on a parameter",
    ],
    [
      `${least}[parameters.properties.x]\ntype = "strin"`,
      'parameters.properties.x.type: "strin" is not a type',
    ],
    [`${least}[parameters.properties.x]\npattern = "("`, "parameters.properties.x.pattern"],
    [
      `${least}[parameters.properties.x]\ntype = "artifact"\ndefault = "a"`,
      "parameters.properties.x.default: an artifact has only a description",
    ],
    [
      `${least}[parameters.properties."../x"]\ntype = "artifact"`,
      "parameters.properties.../x: the name of an artifact must have letters",
    ],
    [
      `${least}[parameters.properties.x.properties.y]\ntype = "artifact"`,
      'parameters.properties.x.properties.y.type: "artifact" is not a type',
    ],
  ])("refuses %j", (text, says) => {
    expect(() => parseProgram("deploy.toml", text)).toThrow(`deploy.toml: ${says}`);
  });
});

const program = parseProgram(
  "deploy.toml",
  `
description = "d"
argv = ["/bin/deploy", "--version={version}", "{count}", "{{version}}", "plain"]
[parameters]
required = ["version"]
[parameters.properties.version]
type = "string"
pattern = "^v[0-9]+$"
[parameters.properties.count]
type = "integer"
minimum = 1
default = 3
[parameters.properties.stage]
enum = ["test", "prod"]
`,
);

describe("applyDefaults()", () => {
  test("takes what fits, with defaults", () => {
    expect(applyDefaults(program, { version: "v1" })).toEqual({
      values: { version: "v1", count: 3 },
    });
    expect(applyDefaults(program, { version: "v1", count: 5, stage: "prod" }).values).toEqual({
      version: "v1",
      count: 5,
      stage: "prod",
    });
  });

  test.each<[JsonObject, string]>([
    [{}, "parameters.version is missing"],
    [{ version: 1 }, "parameters.version must be of the type string"],
    [{ version: "1" }, "parameters.version does not match its pattern"],
    [{ version: "v1\n" }, "parameters.version does not match its pattern"],
    [{ version: "v1", count: 1.5 }, "parameters.count must be of the type integer"],
    [{ version: "v1", count: 0 }, "parameters.count"],
    [{ version: "v1", count: null }, "parameters.count must be of the type integer"],
    [{ version: "v1", stage: "live" }, "parameters.stage"],
    [{ version: "v1", other: 1 }, "parameters.other is unknown"],
    [JSON.parse('{"version":"v1","__proto__":1}'), "parameters.__proto__ is unknown"],
    [{ version: "v1", constructor: 1 }, "parameters.constructor is unknown"],
  ])("refuses %j", (parameters, says) => {
    expect(applyDefaults(program, parameters).fault).toStartWith(says);
  });
});

test("buildArgv() makes exactly one argument of each, whatever is in it", () => {
  const values = { version: "v1 $(id) ; 'x\" {count}", count: 3 };
  expect(buildArgv(program, values)).toEqual([
    "/bin/deploy",
    "--version=v1 $(id) ; 'x\" {count}",
    "3",
    "{v1 $(id) ; 'x\" {count}}",
    "plain",
  ]);
});
