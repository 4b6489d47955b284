/** Schedules, templates, saved targets, webhooks and files that are made at the console. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { createHash } from "node:crypto";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { chromiumFile } from "../../support/clients/browser.ts";
import { badge, row, violations, visit } from "../../support/clients/consolePage.ts";
import { ConsoleFleet } from "../../support/processes/consoleFleet.ts";
import { temporaryDir } from "../../support/processes/processes.ts";

setDefaultTimeout(60_000);

describe.skipIf(chromiumFile() === undefined)("at the console", () => {
  let fleet: ConsoleFleet;

  beforeAll(async () => {
    fleet = await ConsoleFleet.start();
  });
  afterAll(() => fleet?.[Symbol.asyncDispose]());

  /** What `wsctl schedules list` shows of a schedule, without what differs between two. */
  const scheduleNamed = async (name: string) => {
    const lines = (await fleet.run("schedules", "list", "--json")).split("\n");
    const found = lines.map((each) => JSON.parse(each)).find((each) => each.name === name);
    const { name: _name, created_at: _at, created_by: _by, next_at: _next, ...rest } = found;
    return rest;
  };

  test("a schedule is made by a form, as the command line beside it would make it", async () => {
    await using console = await fleet.open("schedules");
    const { page, alarms } = console;
    await page.getByRole("link", { name: "New schedule" }).click();
    await page.getByLabel("Selector").check();
    await page.getByRole("textbox", { name: "Selector" }).fill("role=web");
    await page.getByText("2 agents", { exact: true }).waitFor();
    await page.getByLabel("Command", { exact: true }).fill("deploy");
    await page.getByLabel("version").fill("v7");
    await page.getByText("name is required").or(page.getByText("cron is required")).waitFor();
    await page.getByLabel("Name").fill("nightly");
    await page.getByLabel("Cron", { exact: true }).fill("0 99 * * *");
    await page.getByText(/Cannot schedule/).waitFor();
    await page.getByLabel("Cron", { exact: true }).fill("0 3 * * *");
    await page.getByLabel("Time zone").fill("Europe/Berlin");
    await page.getByText(/Next runs, .* · /).waitFor();
    await page.getByLabel("Jitter").fill("1m");
    const line = (await page.locator(".copy code").textContent()) ?? "";
    await page.getByRole("button", { name: "Create the schedule" }).press("Enter");
    await page.getByText("Created nightly").waitFor();
    await page.getByText(/deploy.*role=web.*0 3 \* \* \* \(Europe\/Berlin\)/).waitFor();
    const words = line.replace(" nightly ", " same ").match(/'[^']*'|\S+/g) ?? [];
    await fleet.run(...words.slice(1).map((each) => each.replaceAll("'", "")), "--yes");
    expect(await scheduleNamed("nightly")).toEqual(await scheduleNamed("same"));
    expect(alarms).toEqual([]);
  });

  test("a template is made by a form, asks for its parameter, and runs", async () => {
    await using console = await fleet.open("templates");
    const { page } = console;
    await page.getByRole("link", { name: "New template" }).click();
    await page.getByRole("textbox", { name: "Name" }).fill("roll");
    await page.getByLabel("Ask for").fill("version");
    await page.getByLabel("Agent IDs").fill("web-*");
    await page.getByText("2 agents", { exact: true }).waitFor();
    await page.getByLabel("Command", { exact: true }).fill("deploy");
    const line = "wsctl templates create roll deploy --agent 'web-*' --prompt version";
    await page.locator(".copy code", { hasText: line }).waitFor();
    await page.getByRole("button", { name: "Create the template" }).click();
    await page.getByText("Created roll").waitFor();
    await page.getByRole("button", { name: "Run…" }).click();
    await page.getByText("version is required").waitFor();
    await page.getByLabel("version").fill("v12");
    await page.getByText("wsctl templates run roll --param version=v12").waitFor();
    await page.getByRole("button", { name: "Run on 2 agents" }).click();
    await badge(page, "succeeded").waitFor();
    await page.locator(".answer", { hasText: "green v12" }).waitFor();
  });

  test("a template asks for a file, which is uploaded", async () => {
    const words = ["create", "setup", "install", "--agent", "web-1", "--prompt", "package"];
    await fleet.run("templates", ...words);
    await using console = await fleet.open("templates");
    const { page } = console;
    const card = page.getByRole("listitem").filter({ hasText: "setup" });
    await card.getByRole("button", { name: "Run…" }).click();
    const file = { name: "a.deb", mimeType: "text/plain", buffer: Buffer.from("four") };
    await card.getByLabel("package").setInputFiles(file);
    await card.getByText("wsctl templates run setup --file package=a.deb").waitFor();
    await card.getByRole("button", { name: "Run on 1 agent" }).click();
    await page.locator(".answer", { hasText: "4 bytes" }).waitFor();
  });

  test("what is left of a signed schedule is shown, and nothing runs it at once", async () => {
    using dir = temporaryDir();
    const key = join(`${dir}`, "key");
    await fleet.run("release", "generate-key", key);
    const words = ["schedules", "create", "rotate", "ping", "--agent", "web-1", "--every", "1d"];
    await fleet.run(...words, "--sign", key, "--not-after", "30d");
    await using console = await fleet.open("schedules");
    const card = console.page.getByRole("listitem").filter({ hasText: "rotate" });
    await card.getByText(/\d+ of \d+ runs left, ends in 29 days, by 1 key/).waitFor();
    await card.getByText("wsctl schedules create --sign").waitFor();
    expect(await card.getByRole("button").allTextContents()).toEqual(["Pause", "Delete"]);
  });

  test("a target is saved with a preview, is used, and is deleted", async () => {
    await using console = await fleet.open("targets");
    const { page } = console;
    await page.getByRole("button", { name: "Save a target" }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByLabel("Name").fill("webs");
    await dialog.getByLabel("Selector").fill("role=(");
    await dialog.getByRole("alert").waitFor();
    await dialog.getByLabel("Selector").fill("role=web");
    await dialog.getByText("2 agents", { exact: true }).waitFor();
    await dialog.getByText("wsctl targets create webs --target role=web").waitFor();
    await page.keyboard.press("Enter");
    await page.getByText("Saved @webs").waitFor();
    expect(await fleet.run("targets", "show", "webs")).toContain("web-2");
    await page.getByRole("link", { name: "Agents", exact: true }).last().click();
    await page.getByText("2 shown").waitFor();
    await visit(page, "targets");
    await page.getByRole("button", { name: "Delete" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
    await page.getByText("No saved targets yet").waitFor();
  });

  test("a webhook is made, its secret is shown once, and it is tested", async () => {
    const came: string[] = [];
    const server = createServer((request, response) => {
      came.push(String(request.headers["webhook-signature"]));
      response.end();
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`;
    await using console = await fleet.open("webhooks");
    const { page } = console;
    await page.getByRole("button", { name: "Create a webhook" }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByLabel("Name").fill("chat");
    await dialog.getByLabel("URL").fill("hooks.example");
    await dialog.getByRole("alert").waitFor();
    await dialog.getByLabel("URL").fill(url);
    await dialog.getByLabel("disk.low").check();
    const line = `--url ${url} --events job.failed,agent.offline,disk.low`;
    await dialog.getByText(`wsctl webhooks create chat ${line}`).waitFor();
    await dialog.getByRole("button", { name: "Create", exact: true }).click();
    await page.getByText(/^whsec_/).waitFor();
    await page.getByRole("button", { name: "Done" }).click();
    expect(await page.content()).not.toContain("whsec_");
    await page.getByRole("button", { name: "Send a test" }).click();
    await page.getByText(/chat took the test event/).waitFor();
    expect(came[0]).toMatch(/^v1,/);
    await page.getByRole("button", { name: "Delete" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
    await page.getByText("No webhooks yet").waitFor();
    server.close();
  });

  test("a file is uploaded with progress, its upload is cancelled, and agents get it", async () => {
    await using console = await fleet.open("run?agents=web-1,web-2&command=install");
    const { page, alarms } = console;
    const content = Buffer.alloc(9_000_000, "package ");
    const file = { name: "app 1.4.deb", mimeType: "application/octet-stream", buffer: content };
    const held = Promise.withResolvers<void>();
    const isHolding = { now: true };
    await page.route(/\/artifacts\/[^/]+\?/, async (route) => {
      if (isHolding.now && route.request().method() === "PUT") await held.promise;
      await route.continue().catch(() => {});
    });
    await page.getByLabel("package").setInputFiles(file);
    await page.getByRole("progressbar", { name: "Uploading app 1.4.deb" }).waitFor();
    await page.getByText("0 %, 0 B of 9.0 MB").waitFor();
    expect(await violations(page)).toEqual([]);
    await page.getByRole("button", { name: "Cancel the upload" }).press("Enter");
    await page.getByRole("progressbar").waitFor({ state: "detached" });
    isHolding.now = false;
    held.resolve();
    expect(await page.getByRole("button", { name: "Run on 2 agents" }).isDisabled()).toBe(true);
    // The form stays while the agents of another target are asked for their commands.
    const field = await page.getByLabel("package").elementHandle();
    await page.getByLabel("Agent IDs").fill("web-1");
    await page.getByText("1 agent", { exact: true }).waitFor();
    expect(await field?.evaluate((each) => each.isConnected)).toBe(true);
    await page.getByLabel("Agent IDs").fill("web-1,web-2");
    await page.getByText("2 agents", { exact: true }).waitFor();
    expect(await field?.evaluate((each) => each.isConnected)).toBe(true);
    // The connection is lost between two parts: the upload goes on where it was.
    let parts = 0;
    await page.route(/\/artifacts\/[^/]+\?/, async (route) => {
      if (route.request().method() === "PUT" && ++parts === 2) await route.abort();
      else await route.continue();
    });
    await page.getByLabel("package").setInputFiles(file);
    await page.getByText("stored: app 1.4.deb, 9.0 MB").waitFor();
    const sum = createHash("sha256").update(content).digest("hex");
    await page.getByText(`sha256 ${sum.slice(0, 12)}`).waitFor();
    const line = "wsctl send install --agent web-1,web-2 --file 'package=app 1.4.deb'";
    expect(await page.locator(".copy code").last().textContent()).toBe(line);
    await page.getByRole("button", { name: "Run on 2 agents" }).click();
    await badge(page, "succeeded").waitFor();
    await page.locator(".answer", { hasText: "9000000 bytes" }).first().waitFor();
    await visit(page, "artifacts");
    await row(page, "app 1.4.deb").waitFor();
    expect(alarms).toEqual([]);
  });
});
