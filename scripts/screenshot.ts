/**
 * Takes pictures of the console: `npm run screenshot` writes docs/images/console.png (agents) and
 * docs/images/console-jobs.png, from the binary with agents and jobs, in a headless Chromium.
 */
import { execFile, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { promisify } from "node:util";
import { startBrowser } from "../test/support/clients/browser.ts";

const root = new URL("..", import.meta.url).pathname;
const binary = join(root, "dist/wsctl");
const dataDir = mkdtempSync(join(tmpdir(), "wsctl-screenshot-"));
const env = {
  PATH: process.env.PATH ?? "",
  HOME: dataDir,
  WSCTL_DATA_DIR: dataDir,
  WSCTL_PORT: "0",
};
const agents = [
  ["db-1", "env=prod", "role=db"],
  ["db-2", "env=staging", "role=db"],
  ["web-1", "env=prod", "role=web"],
  ["web-2", "env=prod", "role=web"],
  ["web-3", "env=staging", "role=web"],
  ["worker-1", "env=prod", "role=worker"],
] as const;

const running: (() => Promise<void>)[] = [];
try {
  const [, url = ""] = await start(["serve"], /serving on (\S+)/);
  for (const [id, ...labels] of agents) {
    const flags = labels.flatMap((label) => ["--label", label]);
    await start(["agent", "--id", id, ...flags], /connected/);
  }
  await wsctl("send", "ping", "--all");
  await wsctl("send", "info", "--target", "role=web");
  await wsctl("send", "restart", "--agent", "worker-1");
  // The agents have no such command: the picture shows how a failure looks.
  await wsctl("send", "defragment", "--target", "role=db");
  await wsctl("send", "ping", "--target", "env=prod", "--batch", "2");
  const token = (await wsctl("tokens", "create", "--role", "viewer")).trim();
  const browser = await startBrowser();
  const page = await browser.newPage({ viewport: { width: 1200, height: 620 } });
  await page.goto(url);
  await page.getByLabel("Token").fill(token);
  await page.getByRole("button", { name: "Log in" }).click();
  await page.getByRole("heading", { name: "Agents" }).waitFor();
  // Each agent reports its CPU a moment after it has connected.
  await page
    .getByText(/^\d[\d.]*%$/)
    .nth(agents.length - 1)
    .waitFor();
  await page.screenshot({ path: join(root, "docs/images/console.png") });
  await page.getByRole("link", { name: "Jobs" }).click();
  await page.getByText("defragment").first().waitFor();
  await page.screenshot({ path: join(root, "docs/images/console-jobs.png") });
  await browser.close();
  console.log("docs/images/console.png, docs/images/console-jobs.png");
} finally {
  for (const stop of running.reverse()) await stop();
  rmSync(dataDir, { recursive: true, force: true });
}

/** Runs one command and returns its answer, also where it failed. */
async function wsctl(...args: string[]): Promise<string> {
  const done = await promisify(execFile)(binary, args, { env }).catch((error) => error);
  return `${done.stdout}`;
}

/** Starts a process that serves, and returns the match of the line that says it is ready. */
async function start(args: string[], ready: RegExp): Promise<RegExpExecArray> {
  const child = spawn(binary, args, { env, stdio: ["ignore", "ignore", "pipe"] });
  const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  running.push(async () => {
    child.kill("SIGTERM");
    await ended;
  });
  return new Promise((resolve, reject) => {
    child.once("exit", (status) => reject(new Error(`wsctl ${args[0]} ended with ${status}`)));
    createInterface({ input: child.stderr }).on("line", (line) => {
      const match = ready.exec(line);
      if (match !== null) resolve(match);
    });
  });
}
