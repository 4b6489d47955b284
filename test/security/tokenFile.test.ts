/** Which files `--token-file` accepts, and when they are read. */
import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { chmodSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { loggedTimes } from "../fault/waits.ts";
import { expectRefusal } from "../support/processes/cli.ts";
import { JoinableFleet } from "../support/processes/fleet.ts";
import { Running, wsctl, wsctlCommand } from "../support/processes/processes.ts";

setDefaultTimeout(60_000);

describe("--token-file", () => {
  test("is read again for each connection, also while it names no token", async () => {
    await using fleet = await JoinableFleet.start();
    const first = await fleet.newToken("--agent", "web-1");
    const second = await fleet.newToken("--agent", "web-1");
    const host = fleet.newHost();
    const file = join(host, "token");
    writeFileSync(file, first, { mode: 0o600 });
    const ca = join(fleet.dataDir, "tls", "ca.pem");
    const at = ["--server", fleet.serving.url, "--ca", ca, "--token-file", file];
    const agent = fleet.agent(host, "--id", "web-1", ...at);
    await agent.logged(/ connected$/);
    writeFileSync(file, "");
    await fleet.restart();
    await agent.logged(/is empty: expected a token; the agent continues with the token that/);
    await loggedTimes(agent, / connected$/, 2);
    writeFileSync(file, second);
    await fleet.restart();
    await loggedTimes(agent, / connected$/, 3);
    expect((await fleet.run("tokens", "revoke", first.split("-")[1] ?? "")).code).toBe(0);
    expect((await fleet.run("send", "ping", "--agent", "web-1")).code).toBe(0);
  });

  test.each([
    ["/dev/zero", /has more than 4096 bytes; expected a file with one token/],
    ["/nowhere", /cannot read "\/nowhere": .*no such file/i],
  ])("%s is refused by name", async (file, says) => {
    const refused = await wsctl(["agents", "--server", "http://127.0.0.1:1", "--token-file", file]);
    expectRefusal(refused, 2, says);
  });

  test("that every user can write to is refused, and a pipe is read once", async () => {
    await using fleet = await JoinableFleet.start();
    const host = fleet.newHost();
    const file = join(host, "token");
    writeFileSync(file, await fleet.newToken("--agent", "web-1"));
    chmodSync(file, 0o666);
    const ca = join(fleet.dataDir, "tls", "ca.pem");
    const at = ["--server", fleet.serving.url, "--ca", ca, "--data-dir", host];
    const args = ["agent", "--id", "web-1", ...at, "--token-file"];
    expectRefusal(await wsctl([...args, file]), 2, /every user can write to .* chmod 600/);
    const command = wsctlCommand("binary")
      .concat(args)
      .map((word) => `'${word}'`)
      .join(" ");
    await using piped = new Running(["bash", "-c", `exec ${command} <(cat '${file}')`]);
    await piped.logged(/ connected$/);
  });
});
