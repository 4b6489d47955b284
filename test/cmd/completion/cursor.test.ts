import { describe, expect, test } from "bun:test";
import { root } from "../../../cmd/commandTable.ts";
import { parseCompletionContext } from "../../../cmd/completion/cursor.ts";

/** The cursor is on the last word. */
async function at(line: string) {
  const words = line.split(" ");
  const cursor = await parseCompletionContext(words, words.length - 1, root);
  if (cursor === undefined) return undefined;
  const { part, kind } = cursor;
  return { part, kind, choices: cursor.choices.map(([text]) => text) };
}

describe("parseCompletionContext() knows what is being written:", () => {
  test("a command, but none that is hidden", async () => {
    const { choices = [] } = (await at("wsctl ")) ?? {};
    expect(choices).toContain("send");
    for (const hidden of ["internal", "complete", "collect", "supervise"]) {
      expect(choices).not.toContain(hidden);
    }
    expect((await at("wsctl jobs "))?.choices).toEqual([
      ...["list", "show", "watch", "cancel", "pause", "resume", "retry", "create", "approve"],
    ]);
    expect((await at("wsctl help jobs "))?.choices).toContain("watch");
  });

  test.each([
    ["wsctl send ", "command", "", ""],
    ["wsctl send pi", "command", "", "pi"],
    ["wsctl send -- ", "command", "", ""],
    ["wsctl send ping --agent ", "agents", "", ""],
    ["wsctl send ping --agent=we", "agents", "--agent=", "we"],
    ["wsctl send --param a=", "parameter", "", "a="],
    ["wsctl send --param=a=b", "parameter", "--param=", "a=b"],
    ["wsctl agents show ", "agent", "", ""],
    ["wsctl jobs show ", "job", "", ""],
    ["wsctl jobs watch --json ", "job", "", ""],
    ["wsctl jobs cancel ", "job", "", ""],
    ["wsctl jobs --cursor ", "job", "", ""],
    ["wsctl tokens revoke ", "token", "", ""],
    ["wsctl tokens create --agent ", "agent", "", ""],
    ["wsctl artifacts get ", "artifact", "", ""],
    ["wsctl completion ", "shell", "", ""],
    ["wsctl send ping --target ro", "selector", "", "ro"],
    ["wsctl schedules show ", "schedule", "", ""],
    ["wsctl jobs list --schedule ", "schedule", "", ""],
    ["wsctl templates run ", "template", "", ""],
    ["wsctl targets delete ", "saved-target", "", ""],
    ["wsctl webhooks test ", "webhook", "", ""],
    ["wsctl targets create ", undefined, "", ""],
    ["wsctl serve --tls-cert ", "files", "", ""],
    ["wsctl jobs watch x --output ", "dirs", "", ""],
    ["wsctl send ping --ttl ", undefined, "", ""],
  ] as const)("%p is %p", async (line, kind, prefix, typed) => {
    expect(await at(line)).toEqual({ part: { prefix, typed }, kind, choices: [] });
  });

  test("the program of exec, which only the hosts know: flags and -- come before it", async () => {
    for (const line of ["wsctl exec --all ", "wsctl exec --all --"]) {
      const { choices = [], kind } = (await at(line)) ?? {};
      expect(choices).toContain("--");
      expect(choices).toContain("--stdin");
      expect(kind).toBeUndefined();
    }
    expect((await at("wsctl exec --all -- "))?.choices).toEqual([]);
    expect((await at("wsctl exec --all -- df -"))?.choices).toEqual([]);
  });

  test("a flag: what may still be given, the command's own first", async () => {
    const { choices = [] } = (await at("wsctl send ping --agent a --param x=1 --no-wait --")) ?? {};
    expect(choices).toContain("--no-stream-output");
    expect(choices).toContain("--param");
    expect(choices).not.toContain("--agent");
    expect(choices).not.toContain("--no-wait");
    expect(choices.indexOf("--ttl")).toBeLessThan(choices.indexOf("--server"));
    expect((await at("wsctl jobs --"))?.choices).toContain("--limit");
  });

  test("a flag that stands behind the cursor is given too", async () => {
    const cursor = await parseCompletionContext("wsctl send --  --agent a".split(" "), 2, root);
    expect(cursor?.choices.map(([text]) => text)).not.toContain("--agent");
    expect(cursor?.typed.flags.get("agent")).toEqual(["a"]);
  });

  test("completion: suggests the allowed values of a flag", async () => {
    expect((await at("wsctl serve --log-level "))?.choices).toEqual([
      ...["error", "warn", "info", "debug"],
    ]);
    expect((await at("wsctl tokens create --role="))?.part.prefix).toBe("--role=");
  });

  test.each(["wsctl nosuch ", "wsctl __proto__ ", "wsctl jobs nosuch "])(
    "completion: suggests nothing for %p",
    async (line) => {
      expect(await at(line)).toBeUndefined();
    },
  );

  test.each(["", "wsctl", "x y z"])("no words that make it fail: %p", async (line) => {
    for (const index of [0, 1, 9, -1, Number.NaN])
      await parseCompletionContext(line.split(" "), index, root);
  });
});
