/** The pages of the console about itself: the cluster, the login, the look, and how it is updated. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import type { Browser } from "playwright-core";
import { chromiumFile, startBrowser } from "../../support/clients/browser.ts";
import { openConsole, row } from "../../support/clients/consolePage.ts";
import { adminToken } from "../../support/processes/cli.ts";
import { Cluster } from "../../support/processes/cluster.ts";
import {
  type Serving,
  startServe,
  temporaryDir,
  wsctl,
} from "../../support/processes/processes.ts";

setDefaultTimeout(120_000);

describe.skipIf(chromiumFile() === undefined)("the console", () => {
  let browser: Browser;
  let dir: string & Disposable;
  let serving: Serving;
  const open = (path: string, token = adminToken(dir)) => {
    return openConsole(browser, { url: serving.url, token, path });
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

  test("shows the nodes of a cluster, and how to start one where there is none", async () => {
    await using alone = await open("cluster");
    await alone.page.getByText("This control plane runs alone").waitFor();
    await alone.page.getByText(/^wsctl serve --cluster nats:/).waitFor();
    await using cluster = await Cluster.start({ nodes: 2 });
    const follower = (await cluster.leader()) === 0 ? 1 : 0;
    const options = { url: cluster.url(follower), token: cluster.token, path: "cluster" };
    await using console = await openConsole(browser, options);
    const { page, alarms } = console;
    await row(page, "leader").waitFor();
    await row(page, "follower").waitFor();
    await page.getByText("replicated, not synced").waitFor();
    await page.getByText("(epoch 1)").waitFor();
    expect(alarms).toEqual([]);
  });

  test("says who is logged in with which scope, and switches the theme and shows the keys", async () => {
    const words = ["tokens", "create", "--role", "operator", "--name", "Ada", "--expires-in", "2d"];
    const scope = ["--target", "env=staging", "--allow", "ping"];
    const made = await wsctl([...words, ...scope, "--data-dir", `${dir}`]);
    await using console = await open("settings", made.stdout.trim());
    const { page } = console;
    const login = page.getByRole("region", { name: "Your login" });
    await login.getByText("Ada").waitFor();
    await login.getByText("agents: env=staging · commands: ping").waitFor();
    await login.getByText("in 47 h").waitFor();
    // The events of what the token sees are streamed to it.
    await page.getByText("by the events of the control plane, at once").waitFor();
    await page.getByRole("button", { name: "dark", exact: true }).press("Enter");
    expect(await page.locator("html").getAttribute("data-theme")).toBe("dark");
    await page.getByRole("button", { name: "Show the keys" }).press("Enter");
    await page.getByRole("dialog", { name: "Keys" }).waitFor();
  });

  test("says that it polls while it gets no events, and streams again by itself", async () => {
    await using console = await open("overview");
    const { page } = console;
    await page.locator(".connection", { hasText: /live$/ }).waitFor();
    // A stream that opens and ends, and then none.
    let asked = 0;
    const isRefused = Promise.withResolvers<void>();
    await page.route(/\/api\/v1\/events/, async (route) => {
      if (++asked > 1) {
        await route.abort();
        return isRefused.resolve();
      }
      await route.fulfill({ contentType: "text/event-stream", body: ": events\n\n" });
    });
    await page.reload();
    await isRefused.promise;
    await page.getByText("live, by polling").waitFor();
    await page.unroute(/\/api\/v1\/events/);
    await page.locator(".connection", { hasText: /live$/ }).waitFor();
  });
});
