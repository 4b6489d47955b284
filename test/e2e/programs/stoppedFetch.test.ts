/** Commands that are stopped while the agent fetches their files: their programs never began. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { OutcomeLine } from "../../../lib/protocol/api/views.ts";
import { jsonLines } from "../../support/processes/cli.ts";
import {
  connectedAgent,
  type Running,
  type Serving,
  startServe,
  temporaryDir,
  wsctl,
} from "../../support/processes/processes.ts";
import { announced } from "../../support/processes/programs.ts";
import { Gate } from "../../support/servers/gate.ts";

setDefaultTimeout(60_000);

describe("a command that is stopped while its file is fetched", () => {
  const dataDir = temporaryDir();
  const at = (...names: string[]) => join(`${dataDir}`, ...names);
  let serving: Serving;
  let gate: Gate;
  let agent: Running;

  beforeAll(async () => {
    serving = await startServe({ dataDir });
    gate = await Gate.to(serving.port);
    mkdirSync(at("commands.d"));
    const argv = JSON.stringify(["/bin/sh", "-c", `touch ${at("started")}`]);
    const schema = `[parameters.properties.package]\ntype = "artifact"\n`;
    writeFileSync(at("commands.d", "install.toml"), `description = "x"\nargv = ${argv}\n${schema}`);
    writeFileSync(at("large"), "x".repeat(8_000_000));
    const { stdout } = await wsctl(["tokens", "create", "--agent", "a", "--data-dir", at()]);
    writeFileSync(at("token"), stdout);
    const args = ["--commands-dir", at("commands.d"), "--server", gate.url];
    const id = "a";
    agent = await connectedAgent({ dataDir, id, args: [...args, "--token-file", at("token")] });
    await announced(at(), id, "install");
  });
  afterAll(async () => {
    await agent?.[Symbol.asyncDispose]();
    await gate?.[Symbol.asyncDispose]();
    await serving?.[Symbol.asyncDispose]();
    dataDir[Symbol.dispose]();
  });

  const send = (...args: string[]) => {
    const file = ["--file", `package=${at("large")}`];
    return wsctl(["send", "install", "--agent", "a", ...file, "--data-dir", at(), ...args]);
  };
  const shown = async (...args: string[]) =>
    jsonLines<OutcomeLine>(await wsctl(["jobs", ...args, "--json", "--data-dir", at()]));

  test("at its timeout is an error that says so, and can be retried as not started", async () => {
    gate.shut(2_000_000);
    const [line] = jsonLines<OutcomeLine>(await send("--timeout", "2s", "--json"));
    gate.open();
    expect(line).toMatchObject({
      outcome: "error",
      code: "NOT_STARTED",
      message: "the timeout of 2 s passed before the program started",
    });
    const retried = await shown("retry", line?.job_id ?? "", "--not-started");
    expect(retried).toMatchObject([{ outcome: "success" }]);
  });

  test("because its job was cancelled is cancelled", async () => {
    const started = at("started");
    if (existsSync(started)) await Bun.file(started).delete();
    gate.shut(2_000_000);
    const [{ job_id = "" } = {}] = jsonLines<OutcomeLine>(await send("--no-wait", "--json"));
    await gate.reached();
    await wsctl(["jobs", "cancel", job_id, "--data-dir", at()]);
    const [line] = await shown("watch", job_id);
    gate.open();
    expect(line).toMatchObject({ outcome: "cancelled", message: "cancelled before it started" });
    expect(existsSync(started)).toBe(false);
  });
});
