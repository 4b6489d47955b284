/** What an operator does at the console, in a real browser and on real agents. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { chromiumFile } from "../../support/clients/browser.ts";
import { badge, row, visit } from "../../support/clients/consolePage.ts";
import { ConsoleFleet } from "../../support/processes/consoleFleet.ts";

setDefaultTimeout(60_000);

describe.skipIf(chromiumFile() === undefined)("at the console", () => {
  let fleet: ConsoleFleet;

  beforeAll(async () => {
    fleet = await ConsoleFleet.start();
  });
  afterAll(() => fleet?.[Symbol.asyncDispose]());

  test("a command runs by a form of its parameters, with a preview and its output", async () => {
    await using console = await fleet.open("run");
    const { page, alarms } = console;
    await page.getByLabel("Selector").check();
    await page.getByRole("textbox", { name: "Selector" }).fill("role=we*");
    await page.getByText("2 agents", { exact: true }).waitFor();
    await page.getByLabel("Command", { exact: true }).fill("deploy");
    await page.getByText("Deploy a version").waitFor();
    expect(await page.getByRole("button", { name: "Run on 2 agents" }).isDisabled()).toBe(true);
    await page.getByText("version is required").waitFor();
    await page.getByLabel("version").fill("v7");
    const line = "wsctl send deploy --target 'role=we*' --param version=v7";
    expect(await page.locator(".copy code").textContent()).toBe(line);
    await page.getByLabel("Reason").fill("OPS-42");
    expect(await page.locator(".copy code").textContent()).toBe(`${line} --reason OPS-42`);
    await page.getByRole("button", { name: "Run on 2 agents" }).click();
    await page.getByRole("heading", { name: "deploy" }).waitFor();
    await badge(page, "succeeded").waitFor();
    await page.getByText("OPS-42", { exact: true }).waitFor();
    // Both have answered alike, so they are one group.
    await page.locator(".group summary", { hasText: "2 agents" }).waitFor();
    const green = page.locator(".answer .ansi-green");
    expect(await green.textContent()).toContain("green v7");
    await page.getByRole("button", { name: "agents", exact: true }).click();
    await row(page, "web-2").waitFor();
    await page.getByRole("link", { name: "Run again…" }).click();
    await page.getByText("2 agents", { exact: true }).waitFor();
    expect(await page.getByLabel("version").inputValue()).toBe("v7");
    expect(alarms).toEqual([]);
  });

  test("live output is followed, paused and searched, and the job is cancelled", async () => {
    await using console = await fleet.open("run?agents=web-1,web-2&command=deploy");
    const { page } = console;
    await page.getByLabel("version").fill("v8");
    await page.getByLabel("mode").selectOption("slow");
    await page.getByRole("button", { name: "Run on 2 agents" }).click();
    await page.getByRole("button", { name: "output" }).click();
    const log = page.getByRole("log");
    await log.getByText("second line").nth(1).waitFor();
    expect(await log.locator(".ansi-green").first().textContent()).toContain("green v8");
    await page.getByLabel("Search the output").fill("green");
    await page.getByText("2 lines, live").waitFor();
    expect(await log.locator("mark").count()).toBe(2);
    await page.getByLabel("Agent", { exact: true }).selectOption("web-2");
    await page.getByText("1 lines, live").waitFor();
    await page.getByRole("button", { name: "Pause", exact: true }).last().click();
    await page.getByText("1 lines, paused").waitFor();
    await page.getByRole("button", { name: "Cancel job" }).click();
    await page.getByRole("dialog").getByText("2 of 2 requests are open").waitFor();
    await page.getByRole("dialog").getByRole("button", { name: "Cancel job" }).click();
    await badge(page, "cancelled").waitFor();
    await page.getByRole("button", { name: "answers" }).click();
    await page.locator(".group", { hasText: "2 agents" }).waitFor();
  });

  test("a rollout stops at its canary, and the rest is retried", async () => {
    await using console = await fleet.open("run?selector=role%20in%20(web,db)&command=deploy");
    const { page } = console;
    await page.getByLabel("version").fill("v9");
    await page.getByLabel("mode").selectOption("broken");
    await page.getByText("Rollout, limits and priority").click();
    await page.getByLabel("Canary", { exact: true }).fill("1");
    await page.getByRole("button", { name: "Run on 3 agents" }).click();
    await badge(page, "not all succeeded").waitFor();
    // One failed; the others never started.
    await page.locator(".group", { hasText: "failed" }).first().waitFor();
    await page.locator(".group", { hasText: "2 agents" }).waitFor();
    await page.getByText("1 canary agent first", { exact: true }).waitFor();
    const waves = page.getByRole("region", { name: "Rollout" }).getByRole("listitem");
    await waves.filter({ hasText: /^Canary.*ended.*1 failed/ }).waitFor();
    await waves.filter({ hasText: /never started.*2 cancelled/ }).waitFor();
    await waves.getByRole("img", { name: "Canary: 1 failed" }).waitFor();
    await page.getByRole("button", { name: "Retry 3" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Retry" }).click();
    await page.getByText("Retry of").waitFor();
  });

  test("a rollout is followed by its waves, and stopped in the pause after its canary", async () => {
    await using console = await fleet.open("run?all=1&command=deploy");
    const { page } = console;
    await page.getByLabel("version").fill("v9");
    await page.getByText("Rollout, limits and priority").click();
    await page.getByLabel("Canary", { exact: true }).fill("1");
    await page.getByLabel("Pause after the canary").fill("10m");
    await page.getByLabel("Batch", { exact: true }).fill("1");
    await page.getByLabel("Pause between batches").fill("1s");
    await page.getByRole("button", { name: "Run on 3 agents" }).press("Enter");
    const waves = page.getByRole("region", { name: "Rollout" }).getByRole("listitem");
    await waves.filter({ hasText: /^Canary.*ended.*1 success/ }).waitFor();
    await waves.filter({ hasText: /^Wave 1 of 2.*pauses.*1 queued, starts in \d+ min/ }).waitFor();
    await waves.filter({ hasText: /^Wave 2 of 2.*waits/ }).waitFor();
    await page.getByRole("button", { name: "Cancel job" }).press("Enter");
    await page.getByRole("dialog").getByRole("button", { name: "Cancel job" }).press("Enter");
    await badge(page, "cancelled").waitFor();
    await waves.filter({ hasText: /^Wave 1 of 2.*never started/ }).waitFor();
  });

  test("what failed is found by outcome and by the words of its answer", async () => {
    await fleet.run("send", "nosuch", "--agent", "db-1", "--yes");
    await using console = await fleet.open("overview");
    const { page } = console;
    await page
      .getByRole("region", { name: "Recent failures" })
      .getByRole("link", { name: "nosuch" })
      .waitFor();
    await visit(page, "jobs");
    await page.keyboard.press("/");
    await page.keyboard.type("nosuch");
    await row(page, "nosuch").waitFor();
    await row(page, "deploy").first().waitFor({ state: "detached" });
    await page.getByLabel("Outcome").selectOption("success");
    await page.getByText("No job matches").waitFor();
    expect(page.url()).toContain("search=nosuch&status=success");
    await page.getByRole("button", { name: "Clear the filters" }).click();
    await row(page, "deploy").first().waitFor();
  });

  test("agents are filtered by chips, labelled and drained together", async () => {
    await using console = await fleet.open("agents");
    const { page } = console;
    await page.getByLabel("Add a filter").selectOption("role=web");
    await page.getByText("3 agents, 3 online, 2 shown").waitFor();
    expect(page.url()).toContain("selector=role%3Dweb");
    await page.getByLabel("Select all").check();
    await page.getByRole("button", { name: "Label…" }).click();
    await page.getByRole("textbox", { name: "Labels" }).fill("env=test");
    await page.getByRole("button", { name: "Save" }).click();
    await page.getByText("Labelled 2 agents").waitFor();
    await page.getByLabel("Search agents").fill("env=test,agent=web-1");
    await page.getByText("3 agents, 3 online, 1 shown").waitFor();
    await page.getByLabel("Search agents").press("Enter");
    await page.locator("summary", { hasText: "Columns" }).click();
    await page.getByLabel("Version", { exact: true }).uncheck();
    await page.getByRole("columnheader", { name: "Version" }).waitFor({ state: "detached" });
    await page.reload();
    await row(page, "web-1").waitFor();
    expect(await page.getByRole("columnheader", { name: "Version" }).count()).toBe(0);
    await page.getByLabel("Remove the filter env=test").waitFor();
    await page.getByLabel("Select web-1").check();
    await page.getByRole("button", { name: "Drain", exact: true }).click();
    await page.getByText("online, drained").waitFor();
    await page.getByRole("link", { name: "web-1" }).click();
    await page.getByRole("button", { name: "Undrain" }).click();
    await page.getByRole("button", { name: "Drain", exact: true }).waitFor();
    expect(await fleet.run("agents", "--target", "env=test", "--json")).toContain("web-2");
  });
});
