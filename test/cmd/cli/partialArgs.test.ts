import { describe, expect, test } from "bun:test";
import type { ArgsDef } from "citty";
import { accessFlags, agentIds, parsePartialArgs } from "../../../cmd/cli/partialArgs.ts";

const args = {
  command: { type: "positional" },
  agent: { type: "string" },
  param: { type: "string" },
  json: { type: "boolean" },
  wait: { type: "boolean", default: true },
} as const satisfies ArgsDef;

const plain = (words: string[]) => {
  const { flags, ...rest } = parsePartialArgs(words, args);
  return { flags: Object.fromEntries(flags), ...rest };
};

describe("parsePartialArgs() understands", () => {
  test.each<[string[], Partial<ReturnType<typeof plain>>]>([
    [[], {}],
    [["ping", "--agent", "a"], { positionals: ["ping"], flags: { agent: ["a"] } }],
    [["--agent=a=b", "ping"], { positionals: ["ping"], flags: { agent: ["a=b"] } }],
    [["--param", "a=1", "--param=b=2"], { flags: { param: ["a=1", "b=2"] } }],
    [["--json", "ping", "--no-wait"], { positionals: ["ping"], flags: { json: [""], wait: [""] } }],
    [["ping", "--agent"], { positionals: ["ping"], pending: "agent" }],
    [["--nosuch", "ping", "-x"], { positionals: ["ping"] }],
    [["--command=x", "--__proto__", "--constructor=1"], {}],
    [["--", "--agent"], { positionals: ["--agent"], isSeparated: true }],
  ])("parsePartialArgs(): parses %j", (words, wanted) => {
    expect(plain(words)).toEqual({ flags: {}, positionals: [], isSeparated: false, ...wanted });
  });
});

test("accessFlags() knows the flags that lead to a control plane from wherever they are given", () => {
  const typed = parsePartialArgs(["ping", "--agent", "a", "--json"], args);
  const sources = { env: { WSCTL_SERVER: "ws://x", WSCTL_JSON: "maybe" }, settings: { ca: "f" } };
  expect(accessFlags(typed, sources)).toEqual({ agent: "a", server: "ws://x", ca: "f" });
});

test("agentIds(): splits at commas", () => {
  expect(agentIds("a, b,,c")).toEqual(["a", "b", "c"]);
  expect(agentIds(undefined)).toEqual([]);
});
