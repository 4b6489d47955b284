/**
 * The five minutes in one: builds the binary, starts a control plane and two agents on free ports
 * in a temporary directory, sends three commands, shows each answer, and cleans up.
 */
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { build } from "./build.ts";

const binary = new URL("../dist/wsctl", import.meta.url).pathname;
const dataDir = mkdtempSync(join(tmpdir(), "wsctl-demo-"));
const env = { PATH: process.env.PATH ?? "", HOME: dataDir, WSCTL_DATA_DIR: dataDir };
const waitMs = 20_000;

console.log("Building dist/wsctl …");
await build({ outfile: "dist/wsctl" });

const running: { name: string; stop(): Promise<void> }[] = [];
let isFine = true;
try {
  await start("control plane", ["serve", "--port", "0"], /serving on/);
  for (const id of ["web-1", "web-2"]) await start(id, ["agent", "--id", id], /connected/);
  await show(["send", "ping", "--agent", "web-1"], 0);
  await show(["send", "restart", "--agent", "web-1,web-2"], 0);
  await show(["send", "defragment", "--agent", "web-2"], 1);
  await show(["agents"], 0);
  console.log(`
On by hand, each in a terminal of its own:

  ${binary} serve
  ${binary} agent
  ${binary} send ping --agent "$(hostname | tr A-Z a-z)"
`);
} catch (error) {
  isFine = false;
  console.error(error instanceof Error ? error.message : error);
} finally {
  for (const one of running.reverse()) await one.stop();
  rmSync(dataDir, { recursive: true, force: true });
}
process.exit(isFine ? 0 : 1);

/** Starts one long-running command and waits for the line that says it is ready. */
async function start(name: string, args: string[], ready: RegExp): Promise<void> {
  console.log(`\n$ wsctl ${args.join(" ")} &`);
  const child = spawn(binary, args, { env, stdio: ["ignore", "ignore", "pipe"] });
  const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  running.push({
    name,
    stop: async () => {
      child.kill("SIGTERM");
      await ended;
    },
  });
  await new Promise<void>((resolve, reject) => {
    const fail = (why: string) => reject(new Error(`${name} did not get ready: ${why}`));
    const timer = setTimeout(() => fail(`nothing within ${waitMs} ms`), waitMs);
    child.once("exit", (status) => fail(`it ended with ${status}`));
    createInterface({ input: child.stderr }).on("line", (line) => {
      if (!ready.test(line)) return;
      clearTimeout(timer);
      console.log(`  ${line}`);
      resolve();
    });
  });
}

/** Runs one command, shows what it prints, and holds it to its exit status. */
async function show(args: string[], expected: number): Promise<void> {
  console.log(`\n$ wsctl ${args.join(" ")}`);
  const child = spawn(binary, args, { env, stdio: ["ignore", "inherit", "inherit"] });
  const status = await new Promise<number | null>((resolve) => child.once("exit", resolve));
  console.log(`  (exit status ${status})`);
  if (status !== expected) throw new Error(`expected exit status ${expected}, got ${status}`);
}
