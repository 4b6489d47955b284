/**
 * A real browser for tests: Debian's Chromium, driven by `playwright-core`. What its pages ask of
 * whom, and what they were kept from, is written down.
 */
import { spawnSync } from "node:child_process";
import process from "node:process";
import { type Browser, chromium, type Page } from "playwright-core";

/** Where the machine has it: `scripts/test.ts` installs it where it can. */
export function chromiumFile(): string | undefined {
  const { stdout } = spawnSync("which", ["chromium"], { encoding: "utf8" });
  return stdout.trim() === "" ? undefined : stdout.trim();
}

export function startBrowser(): Promise<Browser> {
  const executablePath = chromiumFile() ?? "chromium";
  // Its sandbox wants a user, and root is none.
  const args = process.getuid?.() === 0 ? ["--no-sandbox"] : [];
  return chromium.launch({ executablePath, args });
}

export interface Watched {
  page: Page;
  /** The origins of all that was asked for. */
  origins: Set<string>;
  /** Dialogs, errors, and violations of the page's policy: each would be one too many. */
  alarms: string[];
}

export async function watchedPage(browser: Browser, width = 1200): Promise<Watched> {
  const context = await browser.newContext({ viewport: { width, height: 800 } });
  const page = await context.newPage();
  const origins = new Set<string>();
  const alarms: string[] = [];
  page.on("request", (request) => void origins.add(new URL(request.url()).origin));
  page.on("dialog", (dialog) => {
    alarms.push(`dialog: ${dialog.message()}`);
    void dialog.dismiss();
  });
  page.on("pageerror", (error) => void alarms.push(`error: ${error.message}`));
  await page.exposeFunction("alarm", (text: string) => void alarms.push(text));
  await page.addInitScript(`document.addEventListener("securitypolicyviolation",
    (event) => alarm("policy: " + event.violatedDirective + " " + event.blockedURI))`);
  return { page, origins, alarms };
}
