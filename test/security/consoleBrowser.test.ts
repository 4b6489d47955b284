/** The console in a real browser: what a hostile agent says there, and what other sites can do. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { createHash } from "node:crypto";
import { createServer, type Server } from "node:http";
import { join } from "node:path";
import type { Browser } from "playwright-core";
import { chromiumFile, startBrowser, watchedPage } from "../support/clients/browser.ts";
import {
  consolePages,
  logIn,
  openConsole,
  row,
  visit,
  widthOf,
} from "../support/clients/consolePage.ts";
import { randomContent, sha256Of, storeArtifact } from "../support/fixtures/artifacts.ts";
import { closedPort } from "../support/processes/cli.ts";
import { startServe, temporaryDir } from "../support/processes/processes.ts";
import { RawAgent, Target } from "../support/processes/target.ts";
import { clientId, startProvider } from "../support/servers/oidcProvider.ts";

setDefaultTimeout(60_000);

const isMissing = chromiumFile() === undefined;
if (isMissing) {
  process.stderr.write(
    "the console in a browser is left out: no chromium here (apt-get install)\n",
  );
}

/** Somebody else's web server: what it was asked, and the page that it has. */
async function stranger(
  page: string,
): Promise<{ server: Server; origin: string; asked: string[] }> {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    asked.push(`${request.method} ${request.url}`);
    response.setHeader("Content-Type", "text/html").end(page);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as { port: number };
  // To a browser another name is another site.
  return { server, origin: `http://localhost:${port}`, asked };
}

describe.skipIf(isMissing)("in a browser", () => {
  let browser: Browser;
  let target: Target;

  beforeAll(async () => {
    browser = await startBrowser();
    target = await Target.start("binary");
  });
  afterAll(async () => {
    await browser?.close();
    await target?.[Symbol.asyncDispose]();
  });

  test("what a hostile agent says is text, all of it to be seen, and runs nowhere", async () => {
    const far = await stranger("");
    const leak = `<img src=${far.origin}/leak onerror=alert(1)>`;
    const evil = {
      version: `<script>alert("version")</script>`,
      message: `<script>alert("message")</script>${leak}<iframe src=${far.origin}/frame></iframe>`,
      turned: "evil\u202egnp.exe \u0007bell \u200bnothing",
      link: "javascript:alert('link')",
      command: "form",
      help: `<img src=${far.origin}/help onerror=alert(1)>`,
    };
    const properties = { [leak]: { type: "string", description: evil.help, default: leak } };
    const capabilities = JSON.stringify([
      { name: evil.command, description: evil.message, parameters: { type: "object", properties } },
    ]);
    const digest = createHash("sha256").update(capabilities).digest("hex");
    const { agent_id, token, token_id } = await target.newAgent();
    const socket = await target.connect(token, ["Sec-WebSocket-Protocol: wsctl.v1"]);
    await using agent = new RawAgent({ id: agent_id, token, tokenId: token_id, socket });
    agent.say("hello", {
      ...{ protocol_version: 1, version: evil.version, journal_id: "j", epoch: 0 },
      ...{ instance_id: "i", hostname: leak, os: "<b>os", arch: "<i>arch" },
      ...{ labels: { env: "prod" }, capabilities_digest: digest },
    });
    await socket.message<{ type: string }>("welcome", ({ type }) => type === "welcome");
    agent.say("capabilities", { digest, text: capabilities });
    agent.say("status_update", { cpu_usage: "12%", memory_usage: "300MB" });
    const command = '"><svg onload=alert(1)>';
    const parameters = { html: leak, key: evil.link };
    // Another agent is away: the job goes on.
    const away = await target.newAgent();
    const agents = [agent_id, away.agent_id];
    const { jobId, requestIds } = await target.send(command, agents, { parameters });
    await agent.command(requestIds[0] ?? "");
    agent.respond(requestIds[0] ?? "", {
      ...{ status: "failed", message: `${evil.message}${evil.turned}` },
      result: { href: evil.link, [leak]: leak, turned: evil.turned },
    });
    expect(await agent.isAlive()).toBe(true);
    // Other operators are no friends either.
    const make = async (path: string, body: object) => {
      const init = { method: "POST", body: JSON.stringify(body) };
      expect((await target.api(`/api/v1/${path}`, init)).status).toBe(201);
    };
    const job = { command, target: { all: true }, parameters, force: true };
    const description = `${leak}${evil.turned}`;
    await make("schedules", { name: "s", timing: { every_seconds: 3600 }, job });
    await make("templates", { name: "t", description, job, prompts: { [leak]: { description } } });
    await make("webhooks", { name: "w", url: `https://h.example/${leak}`, events: ["disk.low"] });

    const url = target.serving.url;
    await using console = await openConsole(browser, { url, token: target.admin });
    const { page, origins, alarms } = console;
    await visit(page, "agents");
    const shown = (await row(page, agent_id).textContent()) ?? "";
    expect(shown).toContain(evil.version);
    expect(shown).toContain("env=prod");
    await visit(page, "jobs");
    // The command is a link into the console, whatever it is called.
    await page.getByRole("link", { name: command }).press("Enter");
    await page.getByRole("heading", { name: command }).waitFor();
    expect(await page.locator(".facts").textContent()).toContain(leak);
    const said = (await page.locator(".answer").first().textContent()) ?? "";
    expect(said).toContain(evil.message);
    expect(said).toContain("evil\\u{202e}gnp.exe \\x07bell \\u{200b}nothing");
    const pages = [...consolePages, `agents/${agent_id}`, `jobs/${jobId}`, `run?from=${jobId}`];
    pages.push(`jobs/${jobId}?show=agents`, `jobs/${jobId}?show=output`);
    pages.push(`run?agents=${agent_id}&command=${encodeURIComponent(evil.command)}`);
    for (const path of pages) {
      await visit(page, path);
      const text = (await page.locator("body").textContent()) ?? "";
      expect({ path, turns: /[\u202e\u0007\u200b]/.test(text) }).toEqual({ path, turns: false });
      const made = page.locator("main :is(script, img, iframe, svg, b, i, em)");
      expect({ path, made: await made.count() }).toEqual({ path, made: 0 });
      const links = await page
        .locator("a")
        .evaluateAll((all) => all.map((a) => a.getAttribute("href")));
      expect(
        links.filter((href) => !/^(#|console\/|api\/v1\/openapi\.json$)/.test(href ?? "")),
      ).toEqual([]);
    }
    // The form of its command has its words as texts too.
    await page.getByText(evil.help).waitFor();
    expect({ alarms, asked: far.asked }).toEqual({ alarms: [], asked: [] });
    expect([...origins]).toEqual([url]);
    far.server.close();
  });

  test("even our own mistake would not run it: the page's policy stands behind", async () => {
    const { page, alarms } = await watchedPage(browser);
    await page.goto(target.serving.url);
    const isKept = (code: string) =>
      page.evaluate(`(() => { try { ${code}; return false } catch { return true } })()`);
    expect(await isKept(`document.body.innerHTML = "<img src=x onerror=alert(1)>"`)).toBe(true);
    await page.evaluate(`(() => { const s = document.createElement("style"); s.textContent = "*{}";
      document.head.append(s); const i = document.createElement("img");
      i.src = "https://evil.example/"; document.body.append(i) })()`);
    // What was kept is told a moment later.
    while (alarms.length < 3) await page.evaluate("new Promise(requestAnimationFrame)");
    expect(alarms.join("\n")).toMatch(/policy: require-trusted-types-for/);
    expect(alarms.join("\n")).toMatch(/policy: style-src/);
    expect(alarms.join("\n")).toMatch(/policy: img-src/);
    await page.context().close();
  });

  test("no script can have the cookie, and the token stays nowhere in the browser", async () => {
    const { page } = await watchedPage(browser);
    await logIn(page, target.serving.url, target.admin);
    expect(await page.evaluate("document.cookie")).toBe("");
    expect(await page.evaluate("JSON.stringify([localStorage, sessionStorage])")).toBe("[{},{}]");
    expect(await page.content()).not.toContain(target.admin);
    const [cookie] = await page.context().cookies();
    expect(cookie).toMatchObject({ httpOnly: true, sameSite: "Strict" });
    expect(cookie?.value).not.toContain(target.admin);
    await page.context().close();
  });

  test("another site can neither frame it, nor change or read anything by it", async () => {
    const { page } = await watchedPage(browser);
    const { url } = target.serving;
    const far = await stranger(`<!doctype html><title>far</title>
      <iframe src="${url}/"></iframe>
      <form method="post" action="${url}/console/logout"></form>`);
    await logIn(page, url, target.admin);
    const tokens = async () => (await target.api("/api/v1/tokens")).body.items as unknown[];
    const before = (await tokens()).length;
    for (const origin of [far.origin, far.origin.replace("localhost", "127.0.0.1")]) {
      const other = await page.context().newPage();
      await other.goto(origin);
      const [, frame] = other.frames();
      expect(await frame?.locator(".login, .shell").count()).toBe(0);
      const outcome = await other.evaluate(
        `Promise.all([
          fetch("${url}/api/v1/agents", { credentials: "include" }).then(() => "read", () => "kept"),
          fetch("${url}/api/v1/tokens", { method: "POST", mode: "no-cors", credentials: "include",
            body: '{"role":"admin"}' }).then(() => "sent", () => "kept"),
        ])`,
      );
      expect((outcome as string[])[0]).toBe("kept");
      await other.evaluate("document.forms[0].submit()");
      await other.waitForURL(`${url}/console/logout`);
      await other.close();
    }
    expect((await tokens()).length).toBe(before);
    await page.reload();
    await page.getByRole("heading", { name: "Overview" }).waitFor();
    await page.context().close();
    far.server.close();
  });

  test("a long word stays inside a phone's page", async () => {
    await using agent = await target.agent();
    const { jobId, requestIds } = await target.send("ping", [agent.id]);
    await agent.command(requestIds[0] ?? "");
    agent.respond(requestIds[0] ?? "", { status: "success", message: "w".repeat(150) });
    await target.ended(jobId);
    const url = target.serving.url;
    const own = { url, token: target.admin, width: 400, path: `jobs/${jobId}` };
    await using console = await openConsole(browser, own);
    const { page } = console;
    const word = page.locator("pre", { hasText: "w".repeat(150) });
    await word.waitFor();
    expect(await widthOf(page)).toBeLessThanOrEqual(400);
    expect(await word.evaluate((cell) => cell.scrollWidth - cell.clientWidth)).toBe(0);
  });

  test("a revoked token's page is empty at once, and a wrong token is told so", async () => {
    const body = JSON.stringify({ role: "viewer" });
    const made = await target.api("/api/v1/tokens", { method: "POST", body });
    const { token, token_id } = made.body as { token: string; token_id: string };
    await using agent = await target.agent();
    const { page } = await watchedPage(browser);
    await logIn(page, target.serving.url, token);
    await visit(page, "agents");
    await row(page, agent.id).waitFor();
    await target.api(`/api/v1/tokens/${token_id}`, { method: "DELETE" });
    await page.getByRole("heading", { name: "Log in" }).waitFor();
    expect(await page.content()).not.toContain(agent.id);
    await page.getByLabel("Token").fill(token);
    await page.getByRole("button", { name: "Log in" }).click();
    await page.getByText("unknown or revoked").waitFor();
    await page.context().close();
  });

  test("a provider on another site logs somebody in, by a browser's own rules for cookies", async () => {
    using dir = temporaryDir();
    const port = await closedPort();
    const redirectUris = [`http://127.0.0.1:${port}/console/oidc/callback`];
    await using provider = await startProvider({
      ...{ redirectUris, groups: { ada: ["ops"] }, account: "ada", host: "localhost" },
    });
    const secret = join(dir, "secret");
    await Bun.write(secret, "a secret of the tests / with + odd & characters");
    const args = ["--oidc-issuer", provider.issuer, "--oidc-client-id", clientId];
    const more = ["--oidc-client-secret-file", secret, "--oidc-grant", "ops=operator"];
    await using serving = await startServe({ dataDir: dir, port, args: [...args, ...more] });
    const { page, alarms } = await watchedPage(browser);
    await page.goto(serving.url);
    await page.getByRole("link", { name: "Log in with your organization" }).click();
    await page.getByRole("heading", { name: "Overview" }).waitFor();
    expect(await page.locator(".who").textContent()).toContain("ada (operator)");
    expect(page.url()).toBe(`${serving.url}/`);
    const names = (await page.context().cookies(serving.url)).map(({ name }) => name);
    expect(names).toEqual([expect.stringMatching(/^wsctl-login/)]);
    const content = randomContent(100);
    await storeArtifact(serving, "report.bin", content);
    await visit(page, "artifacts");
    const download = page.waitForEvent("download");
    await row(page, "report.bin").getByRole("button", { name: "Download" }).click();
    expect(sha256Of(await Bun.file(await (await download).path()).bytes())).toBe(content.sha256);
    expect(alarms).toEqual([]);
    await page.context().close();
  });
});
