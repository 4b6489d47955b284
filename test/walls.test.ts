/** The walls of the house: which folder may import which, no cycles, nothing dead. */
import { describe, expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { threadFiles } from "../scripts/build.ts";
import { folderOf, folders, looseFiles, mayImport, withTables } from "../scripts/layout.ts";
import { imports, root, sources } from "./support/fixtures/sources.ts";

const product = sources("cmd", "lib");
const loose = [...looseFiles.roots, ...looseFiles.shared];

describe("the walls", () => {
  test("each folder of lib imports only what the layout allows", () => {
    const wrong = product.flatMap((source) => {
      const from = folderOf(source.path);
      if (!source.path.startsWith("lib/") || from === undefined) return [];
      return imports(source)
        .filter((to) => to.startsWith("lib/") || to.startsWith("cmd/"))
        .filter((to) => !looseFiles.shared.includes(to) && !mayImport(from, to))
        .map((to) => `${source.path} imports ${to}`);
    });
    expect(wrong).toEqual([]);
  });

  test("each file of lib lies in a folder of the layout, or is named there", () => {
    const outside = product
      .filter(({ path }) => path.startsWith("lib/") && folderOf(path) === undefined)
      .map(({ path }) => path);
    expect(outside.sort()).toEqual([...loose].sort());
  });

  test("each folder of the layout exists and uses what it is allowed", () => {
    const unused = folders.flatMap(({ path, mayImport: allowed }) => {
      expect(existsSync(join(root, path))).toBe(true);
      const used = product.filter((source) => folderOf(source.path)?.path === path);
      const targets = used.flatMap(imports);
      return allowed
        .filter((each) => !targets.some((to) => to.startsWith(`${each}/`)))
        .map((each) => `${path} does not import ${each}`);
    });
    expect(unused).toEqual([]);
  });

  test("the tables of CONTRIBUTING.md are those of the layout: npm run layout writes them", () => {
    const page = readFileSync(join(root, "CONTRIBUTING.md"), "utf8");
    expect(page).toBe(withTables(page));
  });

  test("no file imports itself over others, types included", () => {
    const edges = new Map(product.map((source) => [source.path, imports(source)]));
    expect(cycles(edges)).toEqual([]);
  });

  test("each file of cmd and lib is reached from an entry", () => {
    const ofPackage = product.filter(({ path }) => path.startsWith("lib/package/"));
    const entries = ["cmd/wsctl.ts", ...threadFiles, ...ofPackage.map(({ path }) => path)];
    const others = sources("scripts").flatMap(imports);
    const edges = new Map(product.map((source) => [source.path, imports(source)]));
    const reached = new Set<string>();
    const open = [...entries, ...others];
    for (let next = open.pop(); next !== undefined; next = open.pop()) {
      if (reached.has(next)) continue;
      reached.add(next);
      open.push(...(edges.get(next) ?? []));
    }
    const isPage = (path: string) => path.startsWith("lib/control/console/page/");
    const dead = product.filter(({ path }) => !reached.has(path) && !isPage(path));
    expect(dead.map(({ path }) => path).filter((path) => !path.endsWith(".d.ts"))).toEqual([]);
  });

  test("each exported value of cmd and lib is used by another file", () => {
    const words = new Map(
      sources("cmd", "lib", "test", "scripts").map(({ path, text }) => [path, wordsOf(text)]),
    );
    const unused = product.flatMap(({ path, text }) =>
      [...text.matchAll(exportedValue)]
        .map(([, name = ""]) => name)
        .filter((name) => ![...words].some(([file, used]) => file !== path && used.has(name)))
        .map((name) => `${path}: ${name}`),
    );
    expect(unused).toEqual([]);
  });

  test("each dependency is imported", () => {
    const { dependencies, devDependencies } = JSON.parse(
      readFileSync(join(root, "package.json"), "utf8"),
    ) as Record<"dependencies" | "devDependencies", Record<string, string>>;
    const texts = sources("cmd", "lib", "test", "scripts").map(({ text }) => text);
    const unused = Object.keys({ ...dependencies, ...devDependencies })
      .filter((name) => !tools.has(name))
      .filter((name) => !texts.some((text) => new RegExp(`["/]${name}["/]`).test(text)));
    expect(unused).toEqual([]);
  });

  test.each(["lib/control", "lib/agent"])("no two files of %s have one name", (part) => {
    const names = product
      .filter(({ path }) => path.startsWith(`${part}/`) && !path.includes("/page/"))
      .map(({ path }) => basename(path));
    // The table of each resource, its routes and its views are told apart by their folders.
    const twice = names.filter((name, index) => names.indexOf(name) !== index);
    expect(twice.filter((name) => !sharedNames.has(name))).toEqual([]);
  });

  test("a unit test lies in the folder of what it tests", () => {
    const astray = sources("test/lib", "test/cmd")
      .map(({ path }) => dirname(path))
      .filter((folder) => !existsSync(join(root, folder.replace(/^test\//, ""))));
    expect(astray).toEqual([]);
  });

  test("folders stay small enough to be read at a glance", () => {
    const counts = Map.groupBy(product, ({ path }) => dirname(path));
    const large = [...counts].filter(
      ([folder, files]) => files.length > (largeFolders[folder] ?? 13),
    );
    expect(large.map(([folder, files]) => `${folder}: ${files.length}`)).toEqual([]);
  });
});

const exportedValue =
  /^export (?:async )?(?:abstract )?(?:function\*?|class|const|let) ([A-Za-z_$][\w$]*)/gm;

/** The identifiers of a source, its comments left out. */
function wordsOf(text: string): Set<string> {
  return new Set(text.replaceAll(/\/\/[^\n]*|\/\*.*?\*\//gs, "").match(/[A-Za-z_$][\w$]*/g));
}

/** Dependencies that are run or are types, and that no source imports. */
const tools = new Set([
  ...["@biomejs/biome", "@types/ws", "bun", "bun-types", "deno", "typescript"],
  "typescript5",
]);

/** Names that the parts of each core have in common. */
const sharedNames = new Set(["core.ts", "model.ts", "admission.ts", "artifacts.ts", "audit.ts"]);

/**
 * One file a command, one a page of the console, one a resource of the API, one a limit or a code
 * of the shared words, and one a part of a command line, of what is printed, or of a run.
 */
const largeFolders: Record<string, number> = {
  cmd: 40,
  "cmd/cli": 16,
  "cmd/flags": 16,
  "cmd/output": 15,
  "lib/agent/logs": 25,
  "lib/control/console/page/state": 18,
  "lib/control/console/page/views": 18,
  "lib/control/api": 24,
  "lib/control/auth": 16,
  "lib/protocol": 18,
  "lib/protocol/api": 18,
  "lib/runtime": 18,
};

/** Groups of files that import each other (Tarjan, SIAM Journal on Computing 1(2), 1972). */
function cycles(edges: ReadonlyMap<string, readonly string[]>): string[][] {
  const order = new Map<string, number>();
  const low = new Map<string, number>();
  const stack: string[] = [];
  const found: string[][] = [];
  const context = (file: string) => {
    const at = order.size;
    order.set(file, at);
    low.set(file, at);
    stack.push(file);
    for (const to of edges.get(file) ?? []) {
      if (!edges.has(to)) continue;
      if (!order.has(to)) context(to);
      else if (!stack.includes(to)) continue;
      low.set(file, Math.min(low.get(file) ?? at, low.get(to) ?? at));
    }
    if (low.get(file) !== at) return;
    const group = stack.splice(stack.indexOf(file));
    if (group.length > 1) found.push(group.sort());
  };
  for (const file of edges.keys()) if (!order.has(file)) context(file);
  return found;
}
