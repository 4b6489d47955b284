/** docs/glossary.md says what every word on the wire, in the API and on the command line means. */
import { describe, expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { allFlags } from "../cmd/cli/commandTree.ts";
import { root } from "../cmd/commandTable.ts";
import { fieldNames } from "./support/fixtures/fieldNames.ts";
import { plainFields, plainFlags } from "./support/fixtures/plainWords.ts";

const project = new URL("..", import.meta.url).pathname;
const rows = readFileSync(join(project, "docs/glossary.md"), "utf8")
  .split("\n")
  .filter((line) => line.startsWith("| ") && !line.startsWith("| ---"))
  .slice(1)
  .map((line) => line.split("|").map((cell) => cell.trim()));
const column = (index: number) =>
  rows.flatMap((cells) =>
    [...(cells[index] ?? "").matchAll(/`([^`]+)`/g)].map(([, word = ""]) => word),
  );
const types = column(3);
const fields = column(4);
const flags = column(5).map((flag) => flag.replace(/^--/, ""));

const source = ["lib", "cmd"].flatMap((folder) =>
  readdirSync(join(project, folder), { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".ts"))
    .map((name) => readFileSync(join(project, folder, name), "utf8")),
);
const used = [...new Set(Object.values(await allFlags(root)).flat())].sort();

describe("docs/glossary.md", () => {
  test("explains a term once, in the order of the alphabet", () => {
    const terms = rows.map(([, term = ""]) => term.toLowerCase());
    expect(terms).toEqual([...new Set(terms)].sort());
  });

  test("names types that are there", () => {
    const declared = (name: string) =>
      source.some((text) => new RegExp(`(class|interface|type|const) ${name}\\b`).test(text));
    expect(types.filter((name) => !declared(name))).toEqual([]);
  });

  test("names fields that are there, and explains all that are no plain English", async () => {
    const all = await fieldNames();
    expect(fields.filter((name) => !all.includes(name))).toEqual([]);
    const known = [...fields, ...plainFields];
    expect(all.filter((name) => !known.includes(name))).toEqual([]);
    expect(plainFields.filter((name) => !all.includes(name))).toEqual([]);
  });

  test("names flags that are there, and explains all that are no plain English", () => {
    expect(flags.filter((name) => !used.includes(name))).toEqual([]);
    const known = [...flags, ...plainFlags];
    expect(used.filter((name) => !known.includes(name))).toEqual([]);
    expect(plainFlags.filter((name) => !used.includes(name))).toEqual([]);
  });
});
