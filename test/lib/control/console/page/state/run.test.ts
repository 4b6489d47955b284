/** What the Run page makes of its fields: parameters, a job request, and a command line. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { sendLine } from "../../../../../../lib/control/console/page/state/cliLine.ts";
import {
  artifactsIn,
  groupRequests,
} from "../../../../../../lib/control/console/page/state/outcomes.ts";
import {
  fieldsOf,
  readFields,
  readJson,
} from "../../../../../../lib/control/console/page/state/parameters.ts";
import {
  emptyChoice,
  parseOptions,
  targetOf,
} from "../../../../../../lib/control/console/page/state/runChoice.ts";
import type { RequestView } from "../../../../../../lib/protocol/api/views.ts";
import type { JsonObject } from "../../../../../../lib/protocol/json.ts";

const schema = {
  type: "object",
  required: ["version"],
  properties: {
    version: { type: "string", description: "What to deploy", pattern: "^v" },
    retries: { type: "integer", minimum: 0, default: 3 },
    force: { type: "boolean" },
    mode: { enum: ["fast", "safe", 7] },
    hosts: { type: "array", items: { type: "string" } },
    extra: { type: "object" },
    __proto: "not a schema",
  },
};

describe("the form of a command", () => {
  const fields = fieldsOf(schema) ?? [];

  test("has a field of its own for each kind of parameter", () => {
    const kinds = ["text", "number", "switch", "choice", "list", "json", "json"];
    expect(fields.map(({ kind }) => kind) as string[]).toEqual(kinds);
    expect(fields[0]).toMatchObject({ isRequired: true, help: "What to deploy must match ^v" });
    expect(fields[1]).toMatchObject({ isRequired: false, placeholder: "3", help: "at least 0" });
  });

  test("reads the values in the types of the schema, and leaves out what is empty", () => {
    const texts = { version: "v7", retries: "2", force: "false", mode: "7", hosts: "a\nb\n" };
    expect(readFields(fields, { ...texts, extra: '{"a":1}' }, schema)).toEqual({
      parameters: {
        ...{ version: "v7", retries: 2, force: false, mode: 7, hosts: ["a", "b"] },
        extra: { a: 1 },
      },
      error: "",
    });
  });

  test.each([
    [{}, "version is required"],
    [{ version: "v1", retries: "many" }, "retries must be a number"],
    [{ version: "v1", extra: "{" }, "extra must be JSON"],
    [{ version: "v1", mode: "slow" }, "mode must be one of the choices"],
  ])("%j is wrong: %s", (texts, error) => {
    expect(readFields(fields, texts as Record<string, string>, schema).error).toBe(error);
  });

  test("without properties there are no fields, but JSON", () => {
    expect(fieldsOf(undefined)).toBeUndefined();
    expect(fieldsOf({ type: "object" })).toBeUndefined();
    expect(readJson("")).toEqual({ parameters: {}, error: "" });
    expect(readJson("[1]").error).toBe("Parameters must be a JSON object");
  });
});

test("no schema that an agent can announce breaks the form", () => {
  const json = fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 4 }));
  const texts = fc.dictionary(fc.string(), fc.string());
  const properties = fc.dictionary(fc.string(), fc.oneof(json, fc.jsonValue()));
  const schemas = fc.oneof(json, fc.record({ properties, required: fc.jsonValue() }));
  fc.assert(
    fc.property(schemas, texts, (any, filled) => {
      const found = fieldsOf(any as JsonObject);
      for (const { help, placeholder, choices } of found ?? []) {
        expect([help, placeholder, ...choices].every((each) => typeof each === "string")).toBe(
          true,
        );
      }
      readFields(found ?? [], filled, any as JsonObject);
    }),
  );
});

test("the options are read as times, counts and shares", () => {
  const texts = { canary: "1", canary_pause_seconds: "5m", batch: "10%", max_failures: "0" };
  expect(parseOptions({ ...texts, timeout_seconds: "90", ttl_seconds: "1d" })).toEqual({
    options: {
      timeout_seconds: 90,
      ttl_seconds: 86_400,
      rollout: { canary: 1, canary_pause_seconds: 300, batch: "10%", max_failures: 0 },
    },
    error: "",
  });
  expect(parseOptions({ batch: "some" }).error).toContain("batch must be a number");
  expect(parseOptions({ ttl_seconds: "soon" }).error).toContain("ttl seconds must be a time");
});

test("the target is one only if it can be parsed", () => {
  expect(targetOf({ ...emptyChoice, agents: "web-1, db-*" })).toEqual({
    agents: ["web-1", "db-*"],
  });
  expect(targetOf({ ...emptyChoice, kind: "selector", selector: "env=(" })).toBeUndefined();
  expect(targetOf({ ...emptyChoice, kind: "all" })).toEqual({ all: true });
  expect(targetOf(emptyChoice)).toBeUndefined();
});

test.each([
  [{ command: "ping", target: { all: true } }, "wsctl send ping --all"],
  [
    {
      command: "deploy",
      target: { selector: "env=prod,role in (web)" },
      parameters: { version: "v7", count: 3, text: "3", note: "it's new" },
      rollout: { canary: 1, batch: "10%", batch_pause_seconds: 30, waves: true },
      ttl_seconds: 3600,
    },
    "wsctl send deploy --target 'env=prod,role in (web)' --param version=v7 --param count=3" +
      " --param 'text=\"3\"' --param 'note=it'\\''s new' --ttl 3600s --batch 10%" +
      " --batch-pause 30s --canary 1",
  ],
] as Parameters<typeof sendLine>[0][][] as [Parameters<typeof sendLine>[0], string][])(
  "the command line of %j",
  (job, line) => {
    expect(sendLine(job)).toBe(line);
  },
);

test("equal answers are one group, and failures come first", () => {
  const request = (agent: string, more: Partial<RequestView>): RequestView => {
    return { request_id: agent, agent, state: "success", queued_at: "", ...more };
  };
  const groups = groupRequests([
    request("a", { message: "fine" }),
    request("b", { message: "fine" }),
    request("c", { state: "queued" }),
    request("d", { state: "failed", message: "disk" }),
    request("e", { message: "better" }),
  ]);
  const shown = groups.map(({ state, requests }) => [state, requests.map(({ agent }) => agent)]);
  expect(shown as unknown).toEqual([
    ["failed", ["d"]],
    ["queued", ["c"]],
    ["success", ["a", "b"]],
    ["success", ["e"]],
  ]);
});

test("artifacts are found wherever a result refers to them, and do not tell answers apart", () => {
  const result = { artifact: { artifact_id: "x" }, more: [{ artifact_id: "y", name: "log" }] };
  expect(artifactsIn(result)).toEqual([
    { id: "x", name: "x" },
    { id: "y", name: "log" },
  ]);
  expect(artifactsIn("artifact_id")).toEqual([]);
  const request = (agent: string): RequestView => {
    const artifacts = [{ artifact_id: agent, name: "dump" }];
    const state = "success";
    return { request_id: agent, agent, state, queued_at: "", result: { exit_code: 0, artifacts } };
  };
  expect(groupRequests([request("a"), request("b")]).length).toBe(1);
});
