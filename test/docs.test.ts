/** The documents tell the truth about what is in the code. */
import { describe, expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { errorCodes } from "../lib/protocol/errors.ts";
import * as limits from "../lib/protocol/limits.ts";
import { closeCodes } from "../lib/protocol/wire/closeCodes.ts";
import { protocolVersion, version } from "../lib/protocol/wire/version.ts";
import { permissionsPage } from "../scripts/permissions.ts";
import { referencePages } from "../scripts/reference.ts";

const root = new URL("..", import.meta.url).pathname;
const read = (path: string) => readFileSync(join(root, path), "utf8");
/** Tables are aligned by spaces that mean nothing. */
const protocol = read("docs/protocol.md").replace(/ {2,}/g, " ");

describe("docs/protocol.md", () => {
  test("has every error code with its meaning, and no other", () => {
    const rows = [...protocol.matchAll(/^\| `([A-Z_]+)` \| (.+) \|$/gm)].map(([, code, text]) => [
      code,
      text,
    ]);
    expect(rows).toEqual(Object.entries(errorCodes).map(([code, { meaning }]) => [code, meaning]));
  });

  test("has every close code with its meaning and what an agent does, and no other", () => {
    const rows = [...protocol.matchAll(/^\| (\d{4}) \| (.+) \| (slowly|by back-off) \|$/gm)];
    expect(rows.map(([, ...row]) => row)).toEqual(
      Object.values(closeCodes).map(({ code, meaning, reconnect }) => [
        String(code),
        meaning,
        reconnect === "slow" ? "slowly" : "by back-off",
      ]),
    );
  });

  test("states the limits as they are", () => {
    const shown = (value: number) => value.toLocaleString("en-US");
    expect(protocol).toContain(`| one message | ${shown(limits.messageBytesMax)} bytes |`);
    expect(protocol).toContain(`| nesting | ${limits.depthMax} levels |`);
    expect(protocol).toContain(`parameters | ${shown(limits.parametersBytesMax)} bytes |`);
    expect(protocol).toContain(`${shown(limits.textCharsMax)} characters`);
    expect(protocol).toContain(
      `${shown(limits.messagesPerSecondMax)} a second, ${shown(limits.messagesBurstMax)} at once`,
    );
    expect(protocol).toContain(`more than ${limits.protocolViolationsMax} messages are refused`);
    expect(protocol).toContain(`at most ${limits.inflightPerAgentMax} unanswered commands`);
  });

  test("has a dated line for the protocol's version", () => {
    expect(protocol).toMatch(
      new RegExp(`^\\| ${protocolVersion} \\| \\d{4}-\\d\\d-\\d\\d \\|`, "m"),
    );
  });
});

test("docs/permissions.md is what the code says", () => {
  expect(read("docs/permissions.md")).toBe(permissionsPage());
});

describe("the reference", () => {
  for (const [path, page] of Object.entries(referencePages)) {
    test(`${path} is what the code says (else: npm run reference)`, async () => {
      expect(read(path)).toBe(await page());
    });
  }
});

/** Every page in Markdown, by its path from the root. */
const pages = ["*.md", "docs/**/*.md"]
  .flatMap((pattern) => [...new Bun.Glob(pattern).scanSync(root)])
  .sort();

describe("the pages for readers", () => {
  test("the pages name only files that are there", () => {
    expect(pages.length).toBeGreaterThan(20);
    const missing = pages.flatMap((page) =>
      [...read(page).matchAll(/`((?:cmd|lib|test|scripts|docs)\/[\w./-]+)`/g)]
        .map(([, path = ""]) => path)
        .filter((path) => !existsSync(join(root, path)))
        .map((path) => `${page}: ${path}`),
    );
    expect(missing).toEqual([]);
  });

  test("links between pages lead to a file and a heading", () => {
    const broken = pages.flatMap((page) =>
      [...read(page).matchAll(/\]\((?!https?:)([^)#\s]*)(?:#([^)\s]+))?\)/g)]
        .filter(([, path = "", anchor]) => {
          const file = path === "" ? page : join(dirname(page), path);
          if (!existsSync(join(root, file))) return true;
          return anchor !== undefined && !anchors(read(file)).includes(anchor);
        })
        .map(([link]) => `${page}: ${link}`),
    );
    expect(broken).toEqual([]);
  });

  test("the files of docs/architecture.md have the names to start at", () => {
    const rows = [
      ...read("docs/architecture.md").matchAll(/^\| \d+ *\| `(.+?)` *\| `(.+?)` *\|/gm),
    ];
    expect(rows.length).toBeGreaterThanOrEqual(25);
    const wrong = rows.filter(([, path = "", name = ""]) => !read(path).includes(name));
    expect(wrong.map(([row]) => row)).toEqual([]);
  });

  test("the README stays within 150 lines", () => {
    expect(read("README.md").trimEnd().split("\n").length).toBeLessThanOrEqual(150);
  });

  test("the change log knows this version", () => {
    expect(read("CHANGELOG.md")).toContain(`## ${version}`);
  });
});

/** The anchors of a page's headings, as GitHub makes them. */
function anchors(markdown: string): string[] {
  return [...markdown.matchAll(/^#+ (.+)$/gm)].map(([, title = ""]) =>
    title
      .toLowerCase()
      .replace(/[^\w\- ]/g, "")
      .replaceAll(" ", "-"),
  );
}
