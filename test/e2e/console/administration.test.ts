/** Approvals, tokens, templates, artifacts, schedules and the audit trail at the console. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { readFileSync } from "node:fs";
import { chromiumFile } from "../../support/clients/browser.ts";
import { badge, enterToken, row, visit } from "../../support/clients/consolePage.ts";
import { ConsoleFleet } from "../../support/processes/consoleFleet.ts";

setDefaultTimeout(60_000);

describe.skipIf(chromiumFile() === undefined)("at the console", () => {
  let fleet: ConsoleFleet;

  beforeAll(async () => {
    fleet = await ConsoleFleet.start();
  });
  afterAll(() => fleet?.[Symbol.asyncDispose]());

  test("another operator approves a job, and nobody approves their own", async () => {
    const operator = await fleet.run("tokens", "create", "--role", "operator");
    await fleet.run("send", "restart", "--agent", "db-1", "--no-wait");
    await using own = await fleet.open("approvals");
    await own.page.getByText("another operator must approve it").waitFor();
    expect(await own.page.getByRole("button", { name: "Approve" }).count()).toBe(0);
    await using other = await fleet.open("approvals", operator);
    await other.page.getByRole("button", { name: "Approve" }).click();
    await other.page.getByText("Approved restart").waitFor();
    await other.page.getByText("Nothing waits for approval").waitFor();
  });

  test("a token for a colleague is shown once, works, and is revoked", async () => {
    await using console = await fleet.open("tokens");
    const { page } = console;
    await page.getByRole("button", { name: "Create a token" }).click();
    await page.getByLabel("Role").selectOption("viewer");
    await page.getByLabel("Name").fill("Grace");
    await page.getByRole("button", { name: "Create", exact: true }).click();
    await page.getByText("It is shown only now").waitFor();
    const token = (await page.getByRole("dialog").locator("code").textContent()) ?? "";
    await page.getByRole("button", { name: "Done" }).click();
    expect(await page.content()).not.toContain(token);
    // A login string becomes a token at its first use, at the command line or here.
    await page.getByRole("button", { name: "Create a token" }).click();
    await page.getByLabel(/As a login string/).check();
    await page.getByRole("button", { name: "Create", exact: true }).click();
    await page.getByText("wsctl login -").waitFor();
    const once = (await page.getByRole("dialog").locator(".copy code").textContent()) ?? "";
    expect(once).toMatch(/^wsl1/);
    await page.getByRole("button", { name: "Done" }).click();
    {
      await using colleague = await fleet.open("overview", once);
      await colleague.page.getByRole("button", { name: "Log out" }).click();
      await enterToken(colleague.page, once);
      await colleague.page.getByText(/it was used or revoked, or has expired/).waitFor();
    }
    const id = token.split("-")[1] ?? "";
    await using theirs = await fleet.open("overview", token);
    const pages = await theirs.page.getByRole("navigation").getByRole("link").allTextContents();
    expect(pages).toEqual([
      "Overview",
      "Agents",
      "Jobs",
      "Approvals",
      "Schedules",
      "Templates",
      "Targets",
      "Cluster",
      "Settings",
    ]);
    await visit(theirs.page, "agents/web-1");
    expect(await theirs.page.getByRole("button", { name: /Drain|Revoke|Label/ }).count()).toBe(0);
    await row(page, id).getByRole("button", { name: "Revoke" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Revoke" }).click();
    await page.getByText(`Revoked ${id}`).waitFor();
    await theirs.page.getByRole("heading", { name: "Log in" }).waitFor();
    expect(await theirs.page.content()).not.toContain("web-1");
  });

  test("a template asks for what a run fills in, and a saved target is a filter", async () => {
    await fleet.run("targets", "create", "webs", "--target", "role=web");
    const words = ["create", "roll", "deploy", "--target", "@webs", "--prompt", "version"];
    await fleet.run("templates", ...words);
    await using console = await fleet.open("templates");
    const { page } = console;
    await page.getByRole("button", { name: "Run…" }).click();
    await page.getByLabel("version").fill("v10");
    await page.getByRole("button", { name: "Run on 2 agents" }).click();
    await page.getByRole("heading", { name: "deploy" }).waitFor();
    await badge(page, "succeeded").waitFor();
    await page.locator(".answer", { hasText: "green v10" }).waitFor();
    await visit(page, "agents");
    await page.getByLabel("Add a filter").selectOption("@webs");
    await page.getByText("2 shown").waitFor();
    await page.getByRole("link", { name: "Run on 2" }).click();
    await page.getByText("2 agents", { exact: true }).waitFor();
  });

  test("a file that a program left is downloaded from its job, and deleted", async () => {
    await fleet.run("send", "deploy", "--agent", "web-1,web-2", "--param", "version=v11");
    await using console = await fleet.open("jobs?search=v11");
    const { page } = console;
    await page.getByRole("link", { name: "deploy" }).first().click();
    // Files of their own do not tell the answers of agents apart.
    const item = page.locator(".group", { hasText: "2 agents" }).locator("li");
    const downloading = page.waitForEvent("download");
    await item.first().getByRole("button", { name: "Download report.txt" }).click();
    const path = (await (await downloading).path()) ?? "";
    expect(readFileSync(path, "utf8")).toBe("report of v11\n");
    await visit(page, "artifacts");
    const rows = row(page, "report.txt");
    const before = await rows.count();
    await rows.first().getByRole("button", { name: "Delete" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
    await page.getByText("Deleted report.txt").waitFor();
    await rows.nth(before - 1).waitFor({ state: "detached" });
  });

  test("a schedule runs now, is paused, and is deleted", async () => {
    await fleet.run("schedules", "create", "nightly", "--cron", "0 3 * * *", "--all", "info");
    await using console = await fleet.open("schedules");
    const { page } = console;
    await page.getByText("next in").waitFor();
    await page.getByRole("button", { name: "Run now" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Run" }).click();
    await page.getByRole("heading", { name: "info" }).waitFor();
    await badge(page, "succeeded").waitFor();
    await visit(page, "schedules");
    await page.getByRole("button", { name: "Pause" }).click();
    await page.getByRole("button", { name: "Resume" }).waitFor();
    await page.getByRole("button", { name: "Delete" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
    await page.getByText("No schedules yet").waitFor();
  });

  test("the audit trail names what the console did, and its chain is verified", async () => {
    await using console = await fleet.open("audit?action=console.*");
    const { page } = console;
    await row(page, "console.login").first().waitFor();
    await page.getByRole("button", { name: "Verify the chain" }).click();
    await page.getByText(/chain intact up to entry \d+/).waitFor();
  });
});
