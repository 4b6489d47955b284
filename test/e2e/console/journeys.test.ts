/** What an operator does at the console, in a real browser and on real agents. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Browser } from "playwright-core";
import { chromiumFile, startBrowser } from "../../support/clients/browser.ts";
import { badge, openConsole, row, visit } from "../../support/clients/consolePage.ts";
import { adminToken } from "../../support/processes/cli.ts";
import {
  connectedAgent,
  type Running,
  type Serving,
  startServe,
  temporaryDir,
  wsctl,
} from "../../support/processes/processes.ts";

setDefaultTimeout(60_000);

const isMissing = chromiumFile() === undefined;
const manifest = `description = "Deploy a version"
argv = ["COMMANDS/deploy.sh", "{version}", "{mode}"]

[parameters]
required = ["version"]
[parameters.properties.version]
type = "string"
description = "The version to deploy"
[parameters.properties.mode]
enum = ["safe", "slow", "broken"]
default = "safe"
`;
/** With "slow" it runs until it is cancelled, and with "broken" it fails. */
const program = `#!/bin/sh
printf '\\033[32mgreen %s\\033[0m\\nsecond line\\n' "$1"
[ "$2" = slow ] && exec sleep 600
[ "$2" != broken ]
`;

describe.skipIf(isMissing)("at the console", () => {
  let browser: Browser;
  let serving: Serving;
  let dir: string & Disposable;
  const agents: Running[] = [];
  let admin = "";
  const run = async (...words: string[]) => {
    return (await wsctl([...words, "--data-dir", `${dir}`])).stdout.trim();
  };
  const open = (path: string, token = admin) => {
    return openConsole(browser, { url: serving.url, token, path });
  };

  beforeAll(async () => {
    dir = temporaryDir();
    const commands = join(dir, "commands");
    mkdirSync(commands);
    writeFileSync(join(commands, "deploy.toml"), manifest.replace("COMMANDS", commands));
    writeFileSync(join(commands, "deploy.sh"), program);
    chmodSync(join(commands, "deploy.sh"), 0o755);
    browser = await startBrowser();
    const args = ["--require-approval-for", "restart"];
    serving = await startServe({ dataDir: dir, args });
    admin = adminToken(dir);
    for (const id of ["web-1", "web-2", "db-1"]) {
      const label = `role=${id.replace(/-\d/, "")}`;
      const own = ["--commands-dir", commands, "--label", label];
      agents.push(await connectedAgent({ dataDir: dir, id, args: own }));
    }
  });
  afterAll(async () => {
    await browser?.close();
    for (const agent of agents) await agent[Symbol.asyncDispose]();
    await serving?.[Symbol.asyncDispose]();
    dir?.[Symbol.dispose]();
  });

  test("a command runs by a form of its parameters, with a preview and its output", async () => {
    await using console = await open("run");
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
    await using console = await open("run?agents=web-1,web-2&command=deploy");
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
    await using console = await open("run?selector=role%20in%20(web,db)&command=deploy");
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
    await page.getByRole("button", { name: "Retry 3" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Retry" }).click();
    await page.getByText("Retry of").waitFor();
  });

  test("what failed is found by outcome and by the words of its answer", async () => {
    const words = ["send", "nosuch", "--agent", "db-1", "--yes"];
    await wsctl([...words, "--data-dir", `${dir}`]);
    await using console = await open("overview");
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
    await using console = await open("agents");
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
    expect(await run("agents", "--target", "env=test", "--json")).toContain("web-2");
  });

  test("another operator approves a job, and nobody approves their own", async () => {
    const operator = await run("tokens", "create", "--role", "operator");
    await run("send", "restart", "--agent", "db-1", "--no-wait");
    await using own = await open("approvals");
    await own.page.getByText("another operator must approve it").waitFor();
    expect(await own.page.getByRole("button", { name: "Approve" }).count()).toBe(0);
    await using other = await open("approvals", operator);
    await other.page.getByRole("button", { name: "Approve" }).click();
    await other.page.getByText("Approved restart").waitFor();
    await other.page.getByText("Nothing waits for approval").waitFor();
  });

  test("a token for a colleague is shown once, works, and is revoked", async () => {
    await using console = await open("tokens");
    const { page } = console;
    await page.getByRole("button", { name: "Create a token" }).click();
    await page.getByLabel("Role").selectOption("viewer");
    await page.getByLabel("Name").fill("Grace");
    await page.getByRole("button", { name: "Create", exact: true }).click();
    await page.getByText("It is shown only now").waitFor();
    const token = (await page.getByRole("dialog").locator("code").textContent()) ?? "";
    await page.getByRole("button", { name: "Done" }).click();
    expect(await page.content()).not.toContain(token);
    const id = token.split("-")[1] ?? "";
    await using theirs = await open("overview", token);
    const pages = await theirs.page.getByRole("navigation").getByRole("link").allTextContents();
    expect(pages).toEqual([
      "Overview",
      "Agents",
      "Jobs",
      "Approvals",
      "Schedules",
      "Templates",
      "About",
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
    await run("targets", "create", "webs", "--target", "role=web");
    const words = ["create", "roll", "deploy", "--target", "@webs", "--prompt", "version"];
    await run("templates", ...words);
    await using console = await open("templates");
    const { page } = console;
    await page.getByRole("button", { name: "Run…" }).click();
    await page.getByLabel("version").fill("v10");
    await page.getByRole("button", { name: "Run", exact: true }).click();
    await page.getByRole("heading", { name: "deploy" }).waitFor();
    await badge(page, "succeeded").waitFor();
    await page.locator(".answer", { hasText: "green v10" }).waitFor();
    await visit(page, "agents");
    await page.getByLabel("Add a filter").selectOption("@webs");
    await page.getByText("2 shown").waitFor();
    await page.getByRole("link", { name: "Run on 2" }).click();
    await page.getByText("2 agents", { exact: true }).waitFor();
  });

  test("a schedule runs now, is paused, and is deleted", async () => {
    await run("schedules", "create", "nightly", "--cron", "0 3 * * *", "--all", "info");
    await using console = await open("schedules");
    const { page } = console;
    await page.getByText("next in").waitFor();
    await page.getByRole("button", { name: "Run now" }).click();
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
    await using console = await open("audit?action=console.*");
    const { page } = console;
    await row(page, "console.login").first().waitFor();
    await page.getByRole("button", { name: "Verify the chain" }).click();
    await page.getByText(/chain intact up to entry \d+/).waitFor();
  });
});
