/** A gigabyte of log costs time and disk, and no memory: nowhere on its way. */
import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { closeSync, mkdirSync, openSync, statSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { readFileInfo } from "../../../lib/release/files.ts";
import { Peaks } from "../../support/processes/memory.ts";
import {
  connectedAgent,
  Running,
  startServe,
  temporaryDir,
  wsctlCommand,
} from "../../support/processes/processes.ts";
import { hasS3Server, startS3Server } from "../../support/servers/s3Server.ts";

setDefaultTimeout(120_000);

const bytes = 1024 ** 3;
const mostBytes = 150e6;

/** Real lines: each is looked at. */
function writeLog(path: string): void {
  const block = Buffer.from(`2026-03-10T12:00:00Z ${"x".repeat(106)}\n`.repeat(8 * 1024));
  const fd = openSync(path, "w");
  for (let done = 0; done < bytes; done += block.length) writeSync(fd, block);
  closeSync(fd);
}

async function fetchAll(args: string[], env: Record<string, string>): Promise<void> {
  using dataDir = temporaryDir();
  const at = (name: string) => join(`${dataDir}`, name);
  mkdirSync(at("logs.d"));
  writeLog(at("huge.log"));
  expect(statSync(at("huge.log")).size).toBe(bytes);
  writeFileSync(at("logs.d/huge.toml"), `files = ["${at("huge.log")}"]`);
  await using serving = await startServe({ dataDir, args, env });
  const agentArgs = ["--logs-dir", at("logs.d")];
  await using agent = await connectedAgent({ dataDir, id: "web-1", args: agentArgs });
  const words = ["fetch_logs", "--param", "source=huge", "--param", 'lines="all"'];
  const options = ["--agent", "web-1", "--timeout", "5m", "--output", at("out")];
  const command = [...wsctlCommand("binary"), "send", ...words, ...options];
  await using operator = new Running([...command, "--data-dir", `${dataDir}`]);
  const peaks = new Peaks({ send: operator.pid });
  while (!operator.hasExited) {
    peaks.look(`${dataDir}`, ["collect", "supervise"]);
    await fetch(`${serving.url}/healthz`);
  }
  expect({ code: await operator.exited, lines: operator.lines }).toMatchObject({ code: 0 });
  const result = readFileInfo(at("out/web-1.huge.log"));
  expect(result).toEqual(readFileInfo(at("huge.log")));
  peaks.add("serve", serving.process.pid);
  peaks.add("agent", agent.pid);
  for (const [name, peak] of peaks.all) {
    process.stderr.write(`      ${name}: at most ${Math.round(peak / 1e6)} MB of memory\n`);
  }
  expect([...peaks.all.keys()].sort()).toEqual(["agent", "collect", "send", "serve", "supervise"]);
  expect([...peaks.all].filter(([, peak]) => peak >= mostBytes)).toEqual([]);
}

describe("one gigabyte of log", () => {
  test("goes through the embedded store", () => fetchAll([], {}));

  test.skipIf(!hasS3Server())("goes through an S3-compatible store", async () => {
    await using s3 = await startS3Server();
    await fetchAll(["--s3-url", `${s3.url}/logs`], s3.credentials);
    expect(await s3.keys()).toHaveLength(1);
  });
});
