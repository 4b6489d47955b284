/** What somebody does at the console on the first day, with the keyboard where it is quicker. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { chromiumFile } from "../../support/clients/browser.ts";
import { badge, row, visit } from "../../support/clients/consolePage.ts";
import { ConsoleFleet } from "../../support/processes/consoleFleet.ts";

setDefaultTimeout(60_000);

describe.skipIf(chromiumFile() === undefined)("a newcomer at the console", () => {
  let fleet: ConsoleFleet;

  beforeAll(async () => {
    fleet = await ConsoleFleet.start();
  });
  afterAll(() => fleet?.[Symbol.asyncDispose]());

  test("finds the agents that failed in the last day, and why", async () => {
    await fleet.run("send", "ping", "--all");
    await fleet.run("send", "deploy", "--all", "--param", "version=v1", "--param", "mode=broken");
    await using console = await fleet.open("overview");
    const { page } = console;
    await page.keyboard.press("g");
    await page.keyboard.press("j");
    await page.getByLabel("Outcome").selectOption("failed");
    await page.getByLabel("Created", { exact: true }).selectOption("Last day");
    await row(page, "ping").waitFor({ state: "detached" });
    await row(page, "deploy").getByRole("link").press("Enter");
    const group = page.locator("details.group[open]");
    await group.locator("summary", { hasText: "3 agents" }).waitFor();
    await group.locator(".answer", { hasText: "green v1" }).waitFor();
    for (const agent of ["web-1", "web-2", "db-1"]) {
      await group.getByRole("link", { name: agent }).waitFor();
    }
  });

  test("runs df on all web servers without knowing which command runs programs", async () => {
    await using console = await fleet.open("overview");
    const { page } = console;
    await page.keyboard.press("Control+k");
    await page.keyboard.type("run");
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { name: "Run" }).waitFor();
    await page.getByLabel("Selector").press("Space");
    await page.getByRole("textbox", { name: "Selector" }).focus();
    await page.keyboard.type("role=web");
    await page.getByText("2 agents", { exact: true }).waitFor();
    await page.getByLabel("Command", { exact: true }).focus();
    await page.keyboard.type("df -h /");
    await page.getByRole("button", { name: "Run the program df -h /" }).press("Enter");
    expect(await page.getByLabel("argv").inputValue()).toBe("df\n-h\n/");
    await page.getByRole("button", { name: "Run on 2 agents" }).press("Enter");
    await badge(page, "succeeded").waitFor();
    await page.locator(".answer", { hasText: "Filesystem" }).first().waitFor();
  });

  test("finds who restarted nginx, in the jobs and in the audit trail", async () => {
    const words = ["tokens", "create", "--role", "operator", "--name", "grace"];
    const grace = await fleet.run(...words);
    {
      await using theirs = await fleet.open("run?agents=web-1&command=exec", grace);
      await theirs.page.getByLabel("argv").fill("echo\nnginx was restarted");
      await theirs.page.getByRole("button", { name: "Run on 1 agent" }).click();
      await badge(theirs.page, "succeeded").waitFor();
    }
    await using console = await fleet.open("jobs");
    const { page } = console;
    await page.keyboard.press("/");
    await page.keyboard.type("nginx");
    await row(page, /exec.*grace/).waitFor();
    expect(await row(page, "exec").count()).toBe(1);
    await visit(page, "audit?action=job.create");
    await page.getByLabel("Words in these entries").fill("nginx");
    await page.getByText(/^1 of the newest \d+ entries/).waitFor();
    await row(page, /job\.create.*grace operator/)
      .getByRole("link", { name: "job", exact: true })
      .press("Enter");
    await page.getByText("nginx was restarted").first().waitFor();
  });

  test("pauses a schedule and resumes it", async () => {
    await fleet.run("schedules", "create", "hourly", "--every", "1h", "--all", "info");
    await using console = await fleet.open("overview");
    const { page } = console;
    await page.keyboard.press("g");
    await page.keyboard.press("s");
    await page.getByRole("button", { name: "Pause" }).press("Enter");
    await page.getByText("Paused hourly").waitFor();
    await page.locator("h2 + .badge", { hasText: "paused" }).waitFor();
    await page.getByRole("button", { name: "Resume" }).press("Enter");
    await page.locator("h2 + .badge", { hasText: "active" }).waitFor();
    expect(await fleet.run("schedules", "list")).toContain("hourly");
  });

  test("finds an agent that is offline, and what is queued for it", async () => {
    await fleet.stopLast();
    await fleet.run("send", "deploy", "--agent", "db-1", "--param", "version=v2", "--no-wait");
    await using console = await fleet.open("agents");
    const { page } = console;
    await page.getByRole("button", { name: /^offline/ }).press("Enter");
    await page.getByText("1 shown").waitFor();
    await row(page, "db-1").getByRole("link").press("Enter");
    await page.getByRole("link", { name: "1 request queued" }).press("Enter");
    // The page of the agent lists its latest jobs, too.
    await page.getByRole("heading", { name: "Jobs", exact: true }).waitFor();
    await row(page, "deploy").getByRole("link").press("Enter");
    await page.locator(".group", { hasText: "queued" }).getByText("db-1").first().waitFor();
  });
});
