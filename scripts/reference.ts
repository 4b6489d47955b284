/** Writes the reference pages and the man page from the code: `npm run reference`. */
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { cliPage } from "./reference/cliPage.ts";
import { errorsPage, limitsPage } from "./reference/codePages.ts";
import { conformancePage } from "./reference/conformancePage.ts";
import { manPage } from "./reference/manPage.ts";
import { documentPages } from "./schemas/documents.ts";

const root = new URL("..", import.meta.url).pathname;

/** Every page that this script writes, by its path from the root. */
export const referencePages: Readonly<Record<string, () => string | Promise<string>>> = {
  "docs/reference/cli.md": cliPage,
  "docs/reference/conformance.md": conformancePage,
  "docs/reference/errors.md": errorsPage,
  "docs/reference/limits.md": limitsPage,
  "docs/man/wsctl.1": manPage,
  ...documentPages,
};

if (import.meta.main) {
  for (const [path, page] of Object.entries(referencePages)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), await page());
  }
}
