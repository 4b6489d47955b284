/** The words that a person reads are those of the field, in documentation and in the sources. */
import { describe, expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { bannedWords, formerFields, formerFlags } from "./support/fixtures/bannedWords.ts";
import { root, sources } from "./support/fixtures/sources.ts";

interface Passage {
  at: string;
  text: string;
}

const pages = [
  ...["README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md"],
  ...readdirSync(join(root, "docs"), { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".md"))
    .map((name) => `docs/${name}`),
].flatMap((path) => linesOf(path, readFileSync(join(root, path), "utf8")));

const code = sources("cmd", "lib").flatMap(({ path, text }) => linesOf(path, text));

function linesOf(path: string, text: string): Passage[] {
  return text.split("\n").map((line, index) => ({ at: `${path}:${index + 1}`, text: line }));
}

function foundIn(passages: Passage[], pattern: RegExp): string[] {
  return passages.filter(({ text }) => pattern.test(text)).map(({ at, text }) => `${at} ${text}`);
}

describe("documentation and sources", () => {
  test.each(bannedWords)("do not say $find", ({ find }) => {
    expect(foundIn([...pages, ...code], new RegExp(`\\b(?:${find})\\b`, "i"))).toEqual([]);
  });

  test.each(formerFlags)("do not name the former flag %s", (flag) => {
    expect(foundIn([...pages, ...code], new RegExp(`(?<![\\w-])${flag}(?![\\w-])`))).toEqual([]);
  });

  test.each(formerFields)("do not name the former field %s", (field) => {
    const quoted = new RegExp(`["'\`]${field}["'\`]`);
    expect(foundIn([...pages, ...code], quoted)).toEqual([]);
  });
});
