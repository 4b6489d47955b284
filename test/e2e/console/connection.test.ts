/** The console while its control plane goes away, comes back, or is slow. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Browser } from "playwright-core";
import { chromiumFile, startBrowser } from "../../support/clients/browser.ts";
import { badge, enterToken, openConsole, row } from "../../support/clients/consolePage.ts";
import { adminToken } from "../../support/processes/cli.ts";
import {
  connectedAgent,
  type Serving,
  startServe,
  temporaryDir,
  wsctl,
} from "../../support/processes/processes.ts";

setDefaultTimeout(60_000);

/** Debian's libfaketime, which sets the clock of one process. */
const faketime = spawnSync("find", ["/usr/lib", "-name", "libfaketime.so.1"], {
  encoding: "utf8",
}).stdout.split("\n")[0];

describe.skipIf(chromiumFile() === undefined)("the console", () => {
  let browser: Browser;
  let dir: string & Disposable;
  let serving: Serving;
  const open = (path: string) => {
    return openConsole(browser, { url: serving.url, token: adminToken(dir), path });
  };

  beforeAll(async () => {
    dir = temporaryDir();
    browser = await startBrowser();
    serving = await startServe({ dataDir: dir });
  });
  afterAll(async () => {
    await browser?.close();
    await serving?.[Symbol.asyncDispose]();
    dir?.[Symbol.dispose]();
  });

  test("says that it reconnects, keeps what it shows, and goes on after a restart", async () => {
    await using _agent = await connectedAgent({ dataDir: dir, id: "web-1" });
    await using console = await open("agents?q=web");
    const { page, alarms } = console;
    await row(page, "web-1").waitFor();
    await serving.process.kill();
    await page.getByText(/reconnecting since/).waitFor();
    expect(await row(page, "web-1").isVisible()).toBe(true);
    serving = await startServe({ dataDir: dir, port: serving.port });
    await page.locator(".connection.live").waitFor();
    await row(page, /web-1.*online/).waitFor();
    expect(page.url()).toContain("#/agents?q=web");
    // A login that ends asks for a token, and goes on where it was.
    await page.context().clearCookies();
    await page.getByText("You are logged out.").waitFor();
    expect(await page.content()).not.toContain("web-1");
    await enterToken(page, adminToken(dir));
    await row(page, "web-1").waitFor();
    expect(page.url()).toContain("#/agents?q=web");
    expect(alarms).toEqual([]);
  });

  test("goes on by itself when the network is back", async () => {
    await using console = await open("agents");
    const { page } = console;
    await page.context().setOffline(true);
    await page.getByText(/reconnecting since/).waitFor();
    await page.context().setOffline(false);
    await page.locator(".connection.live").waitFor();
    expect(await page.getByRole("heading", { name: "Log in" }).count()).toBe(0);
  });

  test("on a slow network keeps the places of what is still to come", async () => {
    await using console = await open("overview");
    const { page } = console;
    const released = Promise.withResolvers<void>();
    await page.route(/\/api\/v1\/schedules/, async (route) => {
      await released.promise;
      await route.continue();
    });
    await page.evaluate('location.hash = "#/schedules"');
    await page.getByRole("heading", { name: "Schedules" }).waitFor();
    await page.getByRole("status", { name: "Loading" }).waitFor();
    released.resolve();
    await page.getByText("No schedules yet").waitFor();
  });

  test.skipIf(!faketime)("an old login is confirmed before it makes a token", async () => {
    using own = temporaryDir();
    const file = join(own, "offset");
    writeFileSync(file, "+0\n");
    const env = {
      LD_PRELOAD: faketime ?? "",
      FAKETIME_TIMESTAMP_FILE: file,
      FAKETIME_NO_CACHE: "1",
      FAKETIME_DONT_FAKE_MONOTONIC: "1",
    };
    await using old = await startServe({ dataDir: own, env });
    const token = adminToken(own);
    await using console = await openConsole(browser, { url: old.url, token, path: "tokens" });
    const { page } = console;
    writeFileSync(file, "+360s\n");
    await page.getByRole("button", { name: "Create a token" }).click();
    await page.getByRole("button", { name: "Create", exact: true }).click();
    const dialog = page.getByRole("dialog", { name: "Confirm that it is you" });
    await dialog.getByLabel("Token").fill("wrong");
    await dialog.getByRole("button", { name: "Confirm" }).click();
    await dialog.getByRole("alert").waitFor();
    await dialog.getByLabel("Token").fill(token);
    await dialog.getByRole("button", { name: "Confirm" }).click();
    await page.getByText("It is shown only now").waitFor();
  });

  test("an event of the control plane is on the page at once", async () => {
    await wsctl(["tokens", "create", "--agent", "web-9", "--data-dir", `${dir}`]);
    await using console = await open("overview");
    const { page } = console;
    const running = page.getByRole("region", { name: "Running" });
    const words = ["send", "ping", "--agent", "web-9", "--no-wait", "--data-dir", `${dir}`];
    // By time alone the page reads every two seconds, so only some of the jobs would be quick.
    const waits: number[] = [];
    for (let count = 1; count <= 4; count++) {
      await wsctl(words);
      const sentAt = performance.now();
      await running
        .getByRole("link", { name: "ping" })
        .nth(count - 1)
        .waitFor();
      waits.push(performance.now() - sentAt);
    }
    expect(waits.filter((ms) => ms > 1_500)).toEqual([]);
  });

  test("an open job is live: what another program does is seen without a reload", async () => {
    const words = ["send", "ping", "--agent", "web-2", "--no-wait", "--data-dir", `${dir}`];
    await wsctl(["tokens", "create", "--agent", "web-2", "--data-dir", `${dir}`]);
    const jobId = (await wsctl(words)).stdout.trim();
    await using console = await open(`jobs/${jobId}`);
    const { page } = console;
    await badge(page, "running").waitFor();
    await page.getByRole("button", { name: "Pause" }).click();
    await badge(page, "paused").waitFor();
    await wsctl(["jobs", "resume", jobId, "--data-dir", `${dir}`]);
    await badge(page, "running").waitFor();
    await wsctl(["jobs", "cancel", jobId, "--data-dir", `${dir}`]);
    await badge(page, "cancelled").waitFor();
  });
});
