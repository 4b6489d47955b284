/** Programs that run as somebody else than the agent, which is root. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import type { OutcomeLine } from "../../../lib/protocol/api/views.ts";
import {
  connectedAgent,
  type Running,
  type Serving,
  startServe,
  temporaryDir,
  wsctl,
} from "../../support/processes/processes.ts";

setDefaultTimeout(60_000);

const isRoot = process.getuid?.() === 0;

describe.if(isRoot)("a program with a user of its own", () => {
  const dataDir = temporaryDir();
  const commandsDir = join(`${dataDir}`, "commands.d");
  let serving: Serving;
  let agent: Running;

  function define(name: string, script: string, user = "nobody"): void {
    const argv = JSON.stringify(["/bin/sh", "-c", script]);
    const text = `description = "d"\nargv = ${argv}\nuser = "${user}"\n`;
    writeFileSync(join(commandsDir, `${name}.toml`), text);
  }

  async function send(name: string): Promise<OutcomeLine> {
    const to = ["--agent", "web-1", "--data-dir", `${dataDir}`, "--json"];
    return JSON.parse((await wsctl(["send", name, ...to])).stdout);
  }

  beforeAll(async () => {
    mkdirSync(commandsDir);
    serving = await startServe({ dataDir });
    const args = ["--commands-dir", commandsDir];
    agent = await connectedAgent({ dataDir, id: "web-1", args });
  });
  afterAll(async () => {
    await agent?.[Symbol.asyncDispose]();
    await serving?.[Symbol.asyncDispose]();
    dataDir[Symbol.dispose]();
  });

  test("runs as that user, who may leave a result and cannot read what is the agent's", async () => {
    const look = `cat ${dataDir}/local.json 2>/dev/null || echo denied`;
    define("who", `id -un; ${look}; echo '{"n": 1}' > "$WSCTL_RESULT_FILE"`);
    expect(await send("who")).toMatchObject({
      outcome: "success",
      message: "nobody\ndenied",
      result: { n: 1 },
    });
  });

  test("gets nothing read for it by a link in the place of its result", async () => {
    define("link", 'ln -s /etc/shadow "$WSCTL_RESULT_FILE"; echo done');
    expect(await send("link")).toMatchObject({ message: "done", result: { exit_code: 0 } });
    define("hard", 'ln /etc/passwd "$WSCTL_RESULT_FILE" 2>/dev/null; echo done');
    expect((await send("hard")).result).toEqual({ exit_code: 0 });
  });

  test("does not begin where there is no such user", async () => {
    define("nobody-there", "echo hi", "no-such-user");
    const outcome = await send("nobody-there");
    expect(outcome).toMatchObject({ outcome: "error", code: "NOT_STARTED" });
    expect(outcome.message).toContain('there is no user "no-such-user" on this host');
  });
});
