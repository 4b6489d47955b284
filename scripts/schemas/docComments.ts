/**
 * The docstrings of schemas, by the path of the field: they become the descriptions in the JSON
 * documents, so that each text is written once. Formatted sources show nesting by indentation.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

const root = new URL("../..", import.meta.url).pathname;
const folders = ["lib/protocol", "lib/protocol/api", "lib/protocol/wire", "lib/control/api"];

export interface SchemaDocs {
  /** What the schema itself is. */
  text: string;
  /** By path, such as `payload.command`. */
  fields: Map<string, string>;
}

/** The docstrings of each `const` that is a schema, by its name. */
export function readDocs(): Map<string, SchemaDocs> {
  const found = new Map<string, SchemaDocs>();
  for (const folder of folders) {
    for (const name of readdirSync(join(root, folder)).filter((file) => file.endsWith(".ts"))) {
      readFile(readFileSync(join(root, folder, name), "utf8"), found);
    }
  }
  return found;
}

function readFile(text: string, found: Map<string, SchemaDocs>): void {
  const blocks = text.matchAll(
    /(?:\/\*\*((?:(?!\*\/)[\s\S])*)\*\/\n)?^(?:export )?const (\w+) = (v\.[\s\S]*?);\n(?=\S|\n|$)/gm,
  );
  for (const [, doc = "", name = "", body = ""] of blocks) {
    if (!/^[A-Z]/.test(name)) continue;
    found.set(name, { text: plain(doc), fields: fieldsOf(body, found) });
  }
}

function fieldsOf(body: string, found: Map<string, SchemaDocs>): Map<string, string> {
  const fields = new Map<string, string>();
  const parents: { indent: number; name: string }[] = [];
  let doc = "";
  for (const [line] of body.matchAll(/^ +\/\*\*[\s\S]*?\*\/$|^.+$/gm)) {
    if (line.trim().startsWith("/**")) {
      doc = plain(line.trim().slice(3, -2));
      continue;
    }
    const [, spread] = /^ +\.\.\.(\w+)\.entries,$/.exec(line) ?? [];
    for (const [path, text] of found.get(spread ?? "")?.fields ?? []) fields.set(path, text);
    const [, space = "", name] = /^( +)(\w+): /.exec(line) ?? [];
    if (name !== undefined) {
      while ((parents.at(-1)?.indent ?? -1) >= space.length) parents.pop();
      parents.push({ indent: space.length, name });
      const path = parents.map((each) => each.name).join(".");
      if (doc !== "") fields.set(path, doc);
    }
    doc = "";
  }
  return fields;
}

function plain(doc: string): string {
  return doc
    .replaceAll(/^\s*\* ?/gm, "")
    .replaceAll(/\s+/g, " ")
    .replaceAll(/ See `[\w.]+`\.|; see `[\w.]+`/g, "")
    .trim();
}
