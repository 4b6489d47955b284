/** The console with 10,000 agents that are connected and send their status. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import type { Browser, Page } from "playwright-core";
import { SimulatedFleet } from "../../../lib/bench/simulatedFleet.ts";
import { Client } from "../../../lib/client/client.ts";
import { loadRuntime } from "../../../lib/runtime/load.ts";
import { systemClock } from "../../../lib/time/clock.ts";
import { chromiumFile, startBrowser } from "../../support/clients/browser.ts";
import { openConsole, row, visit } from "../../support/clients/consolePage.ts";
import { adminToken } from "../../support/processes/cli.ts";
import { type Serving, startServe, temporaryDir } from "../../support/processes/processes.ts";

setDefaultTimeout(120_000);

const count = 10_000;

/** The longest time from a key or a click to the next paint, in milliseconds. */
async function watchInteractions(page: Page): Promise<() => Promise<number>> {
  await page.evaluate(`globalThis.interactions = []; new PerformanceObserver((list) => {
    const made = list.getEntries().filter((each) => each.interactionId > 0);
    interactions.push(...made.map((each) => each.duration));
  }).observe({ type: "event", durationThreshold: 16 })`);
  return () => page.evaluate<number>("Math.max(0, ...interactions)");
}

describe.skipIf(chromiumFile() === undefined)("with 10,000 agents", () => {
  let browser: Browser;
  let dir: string & Disposable;
  let serving: Serving;

  beforeAll(async () => {
    dir = temporaryDir();
    browser = await startBrowser();
    serving = await startServe({ dataDir: dir });
    const fleet = new SimulatedFleet({
      client: new Client({ url: serving.url, token: adminToken(dir), fetch }),
      agentIds: Array.from({ length: count }, (_, index) => `host-${10_000 + index}`),
      url: `${serving.url.replace("http", "ws")}/agent`,
      trust: {},
      runtime: await loadRuntime(),
      clock: systemClock(),
      statusSeconds: 15,
    });
    const { signal } = new AbortController();
    await fleet.makeTokens(signal);
    await fleet.connect(signal);
  });
  afterAll(async () => {
    await browser?.close();
    await serving?.[Symbol.asyncDispose]();
    dir?.[Symbol.dispose]();
  });

  test("the list paints early, nothing on it jumps, and it takes little memory", async () => {
    await using console = await openConsole(browser, { url: serving.url, token: adminToken(dir) });
    const { page } = console;
    await page.addInitScript(`globalThis.shifts = []; new PerformanceObserver((list) => {
      for (const each of list.getEntries()) if (!each.hadRecentInput) shifts.push(each.value);
    }).observe({ type: "layout-shift", buffered: true })`);
    await page.evaluate('location.hash = "#/agents"');
    const paints: number[] = [];
    // The files of the page are never cached, so each load is a cold one.
    for (let load = 0; load < 3; load++) {
      await page.reload();
      await page.getByText("10000 agents, 10000 online, 10000 shown").waitFor();
      const entry = 'performance.getEntriesByName("first-contentful-paint")[0]?.startTime ?? 1e9';
      paints.push(await page.evaluate<number>(entry));
    }
    expect(Math.min(...paints)).toBeLessThan(300);
    expect(await page.evaluate<number>("shifts.reduce((sum, each) => sum + each, 0)")).toBeLessThan(
      0.02,
    );
    const session = await page.context().newCDPSession(page);
    await session.send("HeapProfiler.collectGarbage");
    expect((await session.send("Runtime.getHeapUsage")).usedSize).toBeLessThan(50e6);
  });

  test("the list renders what is in view, and answers keys and clicks at once", async () => {
    await using console = await openConsole(browser, { url: serving.url, token: adminToken(dir) });
    const { page } = console;
    await visit(page, "agents");
    await page.getByText("10000 agents, 10000 online, 10000 shown").waitFor();
    const slowest = await watchInteractions(page);
    expect(await page.getByRole("row").count()).toBeLessThan(100);
    await page.getByLabel("Search agents").pressSequentially("host-1234");
    await page.getByText("10 shown").waitFor();
    await page.getByLabel("Search agents").fill("");
    await page.getByText("10000 shown").waitFor();
    await page.getByRole("button", { name: "CPU" }).click();
    await page.getByRole("button", { name: /^Agent/ }).click();
    await page.getByRole("button", { name: /^Agent/ }).click();
    await row(page, "host-19999").waitFor();
    await page.getByLabel("Select all").check();
    await page.getByText("10000 selected").waitFor();
    await page.locator(".scroller").evaluate((each) => each.scrollTo(0, each.scrollHeight));
    await row(page, "host-10000").waitFor();
    expect(await slowest()).toBeLessThan(200);
    expect(await page.getByRole("row").count()).toBeLessThan(100);
    // So many are named by what selects them, not one by one.
    await page.getByRole("button", { name: "Run…" }).click();
    await page.getByLabel("All agents").and(page.locator(":checked")).waitFor();
    await page.getByText("10000 agents", { exact: true }).waitFor();
  });

  test("a job for all of them shows one group of equal answers", async () => {
    await using console = await openConsole(browser, { url: serving.url, token: adminToken(dir) });
    const { page } = console;
    await visit(page, "run?all=1&command=ping");
    await page.getByText("10000 agents", { exact: true }).waitFor();
    await page.getByRole("button", { name: "Run on 10000 agents" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Run" }).click();
    await page.locator("h1 + .badge", { hasText: "succeeded" }).waitFor({ timeout: 60_000 });
    await page.locator(".group summary", { hasText: "10000 agents" }).waitFor();
    await page.getByRole("button", { name: "agents", exact: true }).click();
    expect(await page.getByRole("row").count()).toBeLessThan(100);
  });
});
