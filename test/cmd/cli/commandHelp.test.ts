import { expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import * as fc from "fast-check";
import { commandHelp, shellQuote } from "../../../cmd/cli/commandHelp.ts";
import { Client } from "../../../lib/client/client.ts";
import type { Capability } from "../../../lib/protocol/api/views.ts";

/** A control plane that knows these agents. */
function clientOf(agents: Record<string, Capability[] | undefined>): Client {
  const answer = async (input: unknown) => {
    const id = decodeURIComponent(String(input).split("/").at(-1) ?? "");
    return Response.json({ agent_id: id, commands: agents[id] });
  };
  return new Client({ url: "http://x", token: "t", fetch: answer as typeof fetch });
}

const deploy: Capability = {
  name: "deploy",
  description: "brings a version\ninto \u001b[31mservice",
  parameters: {
    additionalProperties: false,
    required: ["version"],
    properties: {
      version: { type: "string", pattern: "^v[0-9]+$", description: "which one" },
      stage: { enum: ["test", "live"], default: "test" },
    },
  },
};

test("commandHelp() says what the command takes, as the first agent has it that has it", async () => {
  const client = clientOf({ a: undefined, b: [], c: [deploy] });
  expect(await commandHelp(client, ["a", "b", "c"], "deploy")).toBe(
    [
      "deploy on c: brings a version into \\x1b[31mservice",
      "",
      "PARAMETERS",
      "  version  text matching ^v[0-9]+$, required; which one",
      "  stage    one of test, live (default test)",
      "",
      "EXAMPLE",
      "  wsctl send deploy --agent c --param version=…",
      "",
      'For the flags, see "wsctl send --help".',
    ].join("\n"),
  );
});

test("commandHelp() says where parameters are none, more, or too long", async () => {
  const of = (entry: Capability) => commandHelp(clientOf({ a: [entry] }), ["a"], entry.name);
  const none = { additionalProperties: false };
  expect(await of({ name: "x", parameters: none })).toContain("It takes no parameters.");
  expect(await of({ name: "x", parameters: {} })).toContain("agent checks other parameters");
  expect(await of({ name: "x" })).toContain("too long to be announced");
});

test("commandHelp() refuses what no agent has, with the nearest name and all there are", async () => {
  const client = clientOf({ a: [deploy, { name: "ping" }], b: [{ name: "info" }], c: undefined });
  const refusal = (ids: string[], name: string) => commandHelp(client, ids, name).catch((e) => e);
  expect(await refusal(["a"], "deply")).toMatchObject({
    code: "INVALID_COMMAND",
    message: 'Agent "a" has no command "deply": did you mean "deploy"? It has: deploy, ping',
  });
  expect((await refusal(["a", "b"], "xyzzy")).message).toBe(
    'None of these agents has a command "xyzzy": They have: deploy, ping, info',
  );
  expect(await refusal(["c"], "ping")).toMatchObject({ code: "NOT_FOUND" });
  expect((await refusal(["c"], "ping")).message).toContain('Agent "c" has not announced');
});

test("a name that a shell would obey is quoted in the example", async () => {
  const name = "$(id) 'x'";
  const entry = { name, parameters: { required: ["`a`"], properties: { "`a`": {} } } };
  const text = await commandHelp(clientOf({ a: [entry] }), ["a"], name);
  expect(text).toContain(`  wsctl send '$(id) '\\''x'\\''' --agent a --param '\`a\`=…'`);
});

test("shellQuote() is one word to a shell, and the same one", () => {
  const printable = fc.string({ unit: fc.constantFrom(..."ab $`'\"\\!*?~#&|;<>(){}[]=-%^") });
  fc.assert(
    fc.property(printable, (text) => {
      const { stdout } = spawnSync("/bin/sh", ["-c", `printf %s x${shellQuote(text)}`]);
      expect(stdout.toString()).toBe(`x${text}`);
    }),
    { numRuns: 50 },
  );
});
