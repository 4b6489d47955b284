/** Nobody reads the log any more: the control plane and the agent go on without it. */
import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Client } from "../../lib/client/client.ts";
import type { LocalCredentials } from "../../lib/protocol/api/localCredentials.ts";
import {
  type Flavour,
  flavours,
  startServe,
  temporaryDir,
  wsctl,
  wsctlCommand,
} from "../support/processes/processes.ts";

setDefaultTimeout(60_000);

/** A process whose log is read up to a line and then by nobody. */
async function unread(flavour: Flavour, args: string[], until: RegExp): Promise<ChildProcess> {
  const [file = "", ...first] = wsctlCommand(flavour);
  const { PATH = "", HOME = "" } = process.env;
  const child = spawn(file, [...first, ...args, "--log-level", "debug"], {
    env: { PATH, HOME, NO_COLOR: "1" },
    stdio: ["ignore", "ignore", "pipe"],
  });
  let text = "";
  for await (const chunk of child.stderr ?? []) {
    text += chunk;
    if (until.test(text)) break;
  }
  child.stderr?.destroy();
  if (!until.test(text)) throw new Error(`${until} was not logged: ${text}`);
  return child;
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exit = once(child, "exit");
  child.kill("SIGKILL");
  await exit;
}

describe.each(flavours)("on %s", (flavour) => {
  test("a control plane whose log nobody reads goes on serving", async () => {
    using dir = temporaryDir();
    const args = ["serve", "--port", "0", "--data-dir", `${dir}`];
    const serve = await unread(flavour, args, /serving on/);
    try {
      const { url, token } = JSON.parse(
        readFileSync(join(`${dir}`, "local.json"), "utf8"),
      ) as LocalCredentials;
      for (let attempt = 0; attempt < 5; attempt++) {
        const stranger = new WebSocket(`${url.replace("http", "ws")}/agent`);
        await once(stranger, "close");
      }
      expect(await new Client({ url, token, fetch }).agents({})).toEqual([]);
      expect(serve.exitCode).toBeNull();
    } finally {
      await ended(serve);
    }
  });

  test("an agent whose log nobody reads goes on running commands", async () => {
    using dir = temporaryDir();
    await using _ = await startServe({ dataDir: dir });
    const args = ["agent", "--id", "a", "--data-dir", `${dir}`];
    const agent = await unread(flavour, args, /connected/);
    try {
      for (let attempt = 0; attempt < 3; attempt++) {
        const sent = await wsctl(["send", "ping", "--agent", "a", "--data-dir", `${dir}`]);
        expect(sent.code).toBe(0);
      }
      expect(agent.exitCode).toBeNull();
    } finally {
      await ended(agent);
    }
  });
});
