/** What contributors meet first: templates, the code of conduct, and the workflow of the gate. */
import { describe, expect, test } from "bun:test";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { root } from "../support/fixtures/sources.ts";

const folder = join(root, ".github");
const read = (path: string) => readFileSync(join(folder, path), "utf8");

describe(".github", () => {
  test("the workflow runs the one command of the gate, with no more rights than to read", () => {
    const { jobs, permissions } = Bun.YAML.parse(read("workflows/gate.yml")) as {
      jobs: { test: { steps: { run?: string }[] } };
      permissions: object;
    };
    const commands = jobs.test.steps.flatMap(({ run }) => run ?? []);
    expect(commands.at(-1)).toBe(".ci/run");
    expect(statSync(join(root, ".ci/run")).mode & 0o111).not.toBe(0);
    expect(permissions).toEqual({ contents: "read" });
  });

  test.each(readdirSync(join(folder, "ISSUE_TEMPLATE")))(
    "the form %s is YAML with a name and fields",
    (name) => {
      const form = Bun.YAML.parse(read(`ISSUE_TEMPLATE/${name}`)) as Record<string, unknown>;
      if (name === "config.yml") expect(form).toEqual({ blank_issues_enabled: false });
      else expect(form).toMatchObject({ name: expect.any(String), body: expect.any(Array) });
    },
  );

  test("the request for a change asks for the commands that CONTRIBUTING.md names", () => {
    const contributing = readFileSync(join(root, "CONTRIBUTING.md"), "utf8");
    for (const command of ["npm run check", "npm test"]) {
      expect(read("PULL_REQUEST_TEMPLATE.md")).toContain(command);
      expect(contributing).toContain(command);
    }
    expect(read("CODE_OF_CONDUCT.md")).toContain("Report a breach in private");
  });
});
