/**
 * Takes pictures of the console: `npm run screenshot` writes `docs/images/console*.png`, from the
 * binary with agents and jobs, in a headless Chromium. It also writes every page to `dist/pictures`,
 * in light and dark, and as wide as a phone.
 */
import { execFile, spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { promisify } from "node:util";
import type { Page } from "playwright-core";
import { pages } from "../lib/control/console/page/parts/pages.ts";
import { startBrowser } from "../test/support/clients/browser.ts";
import { logIn, visit } from "../test/support/clients/consolePage.ts";

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

const commandsDir = join(dataDir, "commands");
const manifest = `description = "Deploy a version"
argv = ["/bin/echo", "deployed {version}"]

[parameters]
required = ["version"]
[parameters.properties.version]
type = "string"
description = "The version to deploy, such as v7"
[parameters.properties.restart]
type = "boolean"
description = "Restarts the service afterwards"
`;

const running: (() => Promise<void>)[] = [];
try {
  mkdirSync(commandsDir);
  writeFileSync(join(commandsDir, "deploy.toml"), manifest);
  const serve = ["serve", "--require-approval-for", "restart"];
  const [, url = ""] = await start(serve, /serving on (\S+)/);
  for (const [id, ...labels] of agents) {
    const flags = labels.flatMap((label) => ["--label", label]);
    await start(["agent", "--id", id, "--commands-dir", commandsDir, ...flags], /connected/);
  }
  await wsctl("send", "ping", "--all");
  await wsctl("send", "info", "--target", "role=web");
  await wsctl("send", "deploy", "--target", "role=web", "--param", "version=v7");
  // The agents have no such command: the picture shows how a failure looks.
  await wsctl("send", "defragment", "--target", "role=db", "--yes");
  await wsctl("send", "ping", "--target", "env=prod", "--batch", "2");
  await wsctl("send", "restart", "--agent", "worker-1", "--no-wait");
  await wsctl("schedules", "create", "nightly", "--cron", "0 3 * * *", "--all", "info");
  const deploy = ["send", "deploy", "--all", "--param", "version=v9", "--no-wait"];
  const rolled = await wsctl(
    ...deploy,
    "--canary",
    "1",
    "--canary-pause",
    "10m",
    "--batch",
    "2",
    "--waves",
  );
  await wsctl("templates", "create", "deploy-web", "deploy", "--prompt", "version", "--all");
  await wsctl("targets", "create", "web", "--target", "role=web");
  const hook = ["--url", "https://hooks.example.com/wsctl", "--events", "job.failed"];
  await wsctl("webhooks", "create", "pager", ...hook);
  const token = (await wsctl("tokens", "create", "--role", "admin")).trim();
  const browser = await startBrowser();
  const page = await browser.newPage({ viewport: { width: 1200, height: 640 } });
  await logIn(page, url, token);
  // Each agent reports its CPU a moment after it has connected.
  await visit(page, "agents");
  const usage = page.getByText(/^\d[\d.]*%$/).nth(agents.length - 1);
  await usage.waitFor();
  await take(page, "console-agents");
  await visit(page, "overview");
  await page.getByText("By version and label").waitFor();
  await take(page, "console");
  await visit(page, "agents/web-1");
  await page.locator("canvas").first().waitFor();
  await take(page, "console-agent");
  await visit(page, "jobs");
  await page.getByRole("link", { name: "deploy" }).last().click();
  await page.locator(".answer").first().waitFor();
  await take(page, "console-job");
  const [, rolloutId = ""] = rolled.match(/([0-9a-f-]{36})/) ?? [];
  await visit(page, `jobs/${rolloutId}`);
  await page.getByText("starts in").waitFor();
  await take(page, "console-rollout");
  await visit(page, "run?as=schedule&selector=role%3Dweb&command=deploy");
  await page.getByLabel("Name").fill("weekly");
  await page.getByLabel("Cron", { exact: true }).fill("0 3 * * 1");
  await page.getByText("3 agents", { exact: true }).waitFor();
  await take(page, "console-schedule");
  await page.emulateMedia({ colorScheme: "dark" });
  await visit(page, "settings");
  await page.getByText("at once").waitFor();
  await take(page, "console-settings");
  await visit(page, "run?selector=role%3Dweb&command=deploy");
  await page.getByLabel("version").fill("v8");
  await page.getByText("3 agents", { exact: true }).waitFor();
  await take(page, "console-run");
  await takeEveryPage(page);
  await browser.close();
} finally {
  for (const stop of running.reverse()) await stop();
  rmSync(dataDir, { recursive: true, force: true });
}

/** For a look at all of them: a change of the style may harm a page that no document shows. */
async function takeEveryPage(page: Page): Promise<void> {
  const dir = join(root, "dist/pictures");
  mkdirSync(dir, { recursive: true });
  for (const { path } of pages) {
    await visit(page, path);
    for (const colorScheme of ["light", "dark"] as const) {
      await page.emulateMedia({ colorScheme });
      await page.setViewportSize({ width: 1200, height: 640 });
      await page.screenshot({ path: join(dir, `${path}-${colorScheme}.png`) });
    }
    await page.setViewportSize({ width: 390, height: 700 });
    await page.screenshot({ path: join(dir, `${path}-phone.png`) });
    await page.setViewportSize({ width: 1200, height: 640 });
  }
  console.log("dist/pictures");
}

async function take(page: Page, name: string): Promise<void> {
  const path = `docs/images/${name}.png`;
  await page.screenshot({ path: join(root, path) });
  console.log(path);
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
