/** The documents tell the truth about what is in the code. */
import { describe, expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
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

describe("the pages for readers", () => {
  test("name only files that are there", () => {
    for (const page of [
      ...["README.md", "CONTRIBUTING.md", "SECURITY.md", "docs/protocol.md"],
      ...["docs/guarantees.md", "docs/threat-model.md", "docs/permissions.md"],
    ]) {
      const named = [...read(page).matchAll(/`((?:cmd|lib|test|scripts|docs)\/[\w./-]+)`/g)];
      const missing = named
        .map(([, path = ""]) => path)
        .filter((path) => !existsSync(join(root, path)));
      expect({ page, missing }).toEqual({ page, missing: [] });
    }
  });

  test("the change log knows this version", () => {
    expect(read("CHANGELOG.md")).toContain(`## ${version}`);
  });
});
