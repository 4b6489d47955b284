import { describe, expect, test } from "bun:test";
import { buildOutputPath } from "../../cmd/artifacts.ts";
import { temporaryDir } from "../support/processes/processes.ts";

describe("buildOutputPath()", () => {
  test("names the file in the directory after the artifact", () => {
    using dir = temporaryDir();
    expect(buildOutputPath({ name: "dump.tar" }, `${dir}`)).toBe(`${dir}/dump.tar`);
  });

  test.each([".bash_profile", ".zshenv", "..", "a/b"])(
    "does not take the name %j from an agent",
    (name) => {
      using dir = temporaryDir();
      expect(() => buildOutputPath({ name }, `${dir}`)).toThrow(/specify --output FILE/);
    },
  );

  test("takes a hidden name from the operator", () => {
    using dir = temporaryDir();
    const path = `${dir}/.profile`;
    expect(buildOutputPath({ name: ".bash_profile" }, path)).toBe(path);
  });
});
