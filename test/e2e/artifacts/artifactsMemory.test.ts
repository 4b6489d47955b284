/** A large artifact costs time and disk, and no memory: neither here nor there. */
import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { mkdirSync, truncateSync, writeFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { join } from "node:path";
import { artifactDetail } from "../../../lib/transfer/apiCall.ts";
import { adminAccess } from "../../support/fixtures/artifacts.ts";
import { peakBytes } from "../../support/processes/memory.ts";
import {
  denoFile,
  type Flavour,
  Running,
  type Serving,
  startServe,
  temporaryDir,
  wsctlCommand,
} from "../../support/processes/processes.ts";
import { hasS3Server, startS3Server } from "../../support/servers/s3Server.ts";

setDefaultTimeout(60_000);

const bytes = 1024 ** 3;
const mostBytes = 150e6;
const root = new URL("../../..", import.meta.url).pathname;
const main = join(root, "test", "support", "processes", "uploadMain.ts");

/** Deno itself takes that much more before it does anything. */
const mostOf: Record<Flavour, number> = { binary: mostBytes, bun: mostBytes, deno: 250e6 };

async function upload(serving: Serving, path: string, name: string, flavour: Flavour) {
  const bun = join(root, "node_modules", ".bin", "bun");
  const words = flavour === "deno" ? [denoFile(), "run", "-A"] : [bun, "run"];
  const { url, token } = adminAccess(serving);
  await using uploading = new Running([...words, main, url, token, path, name]);
  const [line] = await uploading.logged(/^\{.*\}$/);
  return JSON.parse(line) as { id: string; state: string; peakBytes: number };
}

function tell(what: string, peak: number): void {
  process.stderr.write(`      ${what}: at most ${Math.round(peak / 1e6)} MB of memory\n`);
}

/** Somebody who asks for all of it, and reads no further than the beginning. */
async function idleReader(serving: Serving, id: string): Promise<Socket> {
  const detail = await artifactDetail(adminAccess(serving), id);
  const socket = connect(serving.port, "127.0.0.1");
  socket.write(`GET ${detail.download?.url} HTTP/1.1\r\nHost: localhost\r\n\r\n`);
  await new Promise((resolve) => socket.once("data", resolve));
  return socket.pause();
}

/** Sparse: it takes no room before it is read. */
function largeFile(dir: string): string {
  const path = join(dir, "large");
  writeFileSync(path, "");
  truncateSync(path, bytes);
  return path;
}

describe("one gigabyte", () => {
  for (const flavour of ["binary", "deno"] satisfies Flavour[]) {
    test(`goes through the embedded store (${flavour})`, async () => {
      using dir = temporaryDir();
      using dataDir = temporaryDir();
      await using serving = await startServe({ dataDir, flavour });
      const sent = await upload(serving, largeFile(dir), "large", flavour);
      expect(sent.state).toBe("ready");
      const sockets = await Promise.all([1, 2, 3].map(() => idleReader(serving, sent.id)));
      mkdirSync(join(dir, "back"));
      const words = ["artifacts", "get", sent.id, "--data-dir", `${dataDir}`, "--output"];
      const command = [...wsctlCommand("binary"), ...words, join(dir, "back")];
      await using getting = new Running(command);
      let peak = 0;
      while (!getting.hasExited) {
        peak = Math.max(peak, peakOf(getting.pid));
        await fetch(`${serving.url}/healthz`);
      }
      expect(await getting.exited).toBe(0);
      for (const socket of sockets) socket.destroy();
      const served = peakBytes(serving.process.pid);
      tell(`serve (${flavour})`, served);
      tell(`upload (${flavour})`, sent.peakBytes);
      tell("wsctl artifacts get", peak);
      expect(served).toBeLessThan(mostOf[flavour]);
      expect(sent.peakBytes).toBeLessThan(mostOf[flavour]);
      expect(peak).toBeLessThan(mostBytes);
    });
  }

  test.skipIf(!hasS3Server())("goes through an S3-compatible store", async () => {
    using dir = temporaryDir();
    using dataDir = temporaryDir();
    await using s3 = await startS3Server();
    const args = ["--s3-url", `${s3.url}/large`];
    await using serving = await startServe({ dataDir, args, env: s3.credentials });
    const sent = await upload(serving, largeFile(dir), "large", "bun");
    expect(sent.state).toBe("ready");
    const served = peakBytes(serving.process.pid);
    tell("serve, with an S3-compatible store", served);
    tell("upload to an S3-compatible store", sent.peakBytes);
    expect(served).toBeLessThan(mostBytes);
    expect(sent.peakBytes).toBeLessThan(mostBytes);
  });
});

/** Nothing once it has ended. */
function peakOf(pid: number): number {
  try {
    return peakBytes(pid) || 0;
  } catch {
    return 0;
  }
}
