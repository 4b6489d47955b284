/** The console in a browser, as its user handles it. */
import axe from "axe-core";
import type { Browser, Page } from "playwright-core";
import { type Watched, watchedPage } from "./browser.ts";

/** A wait that is longer has failed. */
const waitMs = 15_000;

/** Every page that an administrator has. */
export const consolePages = [
  ...[
    "overview",
    "agents",
    "jobs",
    "run",
    "approvals",
    "schedules",
    "templates",
    "targets",
    "artifacts",
    "tokens",
    "webhooks",
  ],
  ...["audit", "cluster", "settings"],
];

export async function logIn(page: Page, url: string, token: string): Promise<void> {
  await page.goto(url);
  await enterToken(page, token);
  await page.locator(".shell").waitFor();
}

export async function enterToken(page: Page, token: string): Promise<void> {
  await page.getByLabel("Token").fill(token);
  await page.getByRole("button", { name: "Log in" }).click();
}

/** A page of the console, logged in, and closed with the test. */
export async function openConsole(
  browser: Browser,
  options: { url: string; token: string; path?: string; width?: number },
): Promise<Watched & AsyncDisposable> {
  const { url, token, path, width } = options;
  const watched = await watchedPage(browser, width);
  watched.page.setDefaultTimeout(waitMs);
  await logIn(watched.page, url, token);
  if (path !== undefined) await visit(watched.page, path);
  return Object.assign(watched, {
    [Symbol.asyncDispose]: () => watched.page.context().close(),
  });
}

/** Opens a page by its deep link, and waits until it has its data. */
export async function visit(page: Page, path: string): Promise<void> {
  await page.evaluate(`location.hash = ${JSON.stringify(`#/${path}`)}`);
  await settled(page);
}

/** The page has its heading, and reads nothing for the first time any more. */
export async function settled(page: Page): Promise<void> {
  await page.locator("main h1").waitFor();
  await page.locator(".skeleton").first().waitFor({ state: "detached" });
}

/** The violations of WCAG 2.2 AA that axe-core finds. */
export async function violations(page: Page): Promise<string[]> {
  const tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];
  await page.evaluate(axe.source);
  const found = await page.evaluate<axe.Result[]>(
    `axe.run({ runOnly: ${JSON.stringify(tags)} }).then(({ violations }) => violations)`,
  );
  return found.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(" ")}`);
}

/** The row of a table with this text. */
export function row(page: Page, text: string | RegExp) {
  return page.getByRole("row").filter({ hasText: text });
}

/** The state in the title of a page. */
export function badge(page: Page, text: string) {
  return page.locator("h1 + .badge", { hasText: new RegExp(`${text}$`) });
}

export async function widthOf(page: Page): Promise<number> {
  return await page.evaluate<number>("document.documentElement.scrollWidth");
}
