/** The rules of the tree, held by reading it. Each says why it is one. */
import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { matches as places, root, sources } from "./support/fixtures/sources.ts";

const product = sources("cmd", "lib");

/** The pure cores and what they are made of. */
const cores = [
  /^lib\/(control|agent)\/core\//,
  /^lib\/time\/deadlineQueue\.ts$/,
  /^lib\/protocol\/wire\/codec\.ts$/,
];

describe("the tree", () => {
  test("runtimes are named in lib/runtime alone", () => {
    const elsewhere = product.filter(({ path }) => !path.startsWith("lib/runtime/"));
    expect(places(elsewhere, /\b(Bun|Deno)\.|from "(bun|hono\/bun|hono\/deno)/)).toEqual([]);
  });

  test("the cores know no clock, chance, timer, socket or disk", () => {
    const files = product.filter(({ path }) => cores.some((core) => core.test(path)));
    for (const core of cores) expect(files.some(({ path }) => core.test(path))).toBeTrue();
    const impure =
      /Date\.now|new Date\(\)|Math\.random|randomUUID|performance\.|setTimeout|setInterval|setImmediate|\bprocess\.[a-z]|from "node:|await |async |fetch\(/;
    expect(places(files, impure)).toEqual([]);
  });

  test("messages are parsed and written by the codec alone", () => {
    const files = product.filter(({ path }) => /^lib\/(control|agent)\//.test(path));
    const users = ["codec.ts"];
    const wrong = files.filter(
      ({ path, text }) =>
        /v\.(safeP|p)arse\((Command|Response|Heartbeat|Hello)\b/.test(text) &&
        !users.includes(path),
    );
    expect(wrong.map(({ path }) => path)).toEqual([]);
  });

  test("files stay short enough to be read: 300 lines, 100 columns", () => {
    const all = [...product, ...sources("scripts", "test")];
    const long = all.filter(({ lines }) => lines.length > 301).map(({ path }) => path);
    expect(long).toEqual([]);
    const wide = all.flatMap(({ path, lines }) =>
      lines.flatMap((line, index) =>
        // A long text or pattern may not be broken without harm.
        line.length > 100 && !/["'`/].*["'`/]/.test(line) ? [`${path}:${index + 1}`] : [],
      ),
    );
    expect(wide).toEqual([]);
  });

  test("only commands are default exports, and no file is a mere list of others", () => {
    const wrong = product.filter(
      ({ path, text }) => /export default/.test(text) && !/^cmd\/(internal\/)?\w+\.ts$/.test(path),
    );
    expect(wrong.map(({ path }) => path)).toEqual([]);
    // The entries of the package are such lists: they are what others may import.
    const inner = product.filter(({ path }) => !path.startsWith("lib/package/"));
    expect(places(inner, /^export (\*|\{[^}]*\}) from/)).toEqual([]);
  });

  test("nobody writes to the console but scripts, and only the entry ends the process", () => {
    expect(places(product, /\bconsole\.(log|error|warn|info)\(/)).toEqual([]);
    const library = product.filter(({ path }) => path.startsWith("lib/"));
    expect(places(library, /process\.exit\(/)).toEqual([]);
  });

  test("types are not escaped", () => {
    const escapes = /: any\b|\bas any\b|@ts-ignore|@ts-expect-error/;
    expect(places(product, escapes)).toEqual([]);
  });

  test("dependencies are exact, and the lock file names no host", () => {
    const manifest = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
    const versions = Object.values({ ...manifest.dependencies, ...manifest.devDependencies });
    expect(
      versions.filter((version) => !/^(npm:[\w@/-]+@)?\d+\.\d+\.\d+$/.test(version as string)),
    ).toEqual([]);
    expect(readFileSync(join(root, "bun.lock"), "utf8")).not.toMatch(/https?:/);
  });

  test("every folder of lib has a file that says what it is", () => {
    const missing = product.filter(
      ({ path, text }) =>
        path.startsWith("lib/") && !text.startsWith("/**") && !/commands\//.test(path),
    );
    expect(missing.map(({ path }) => path)).toEqual([]);
  });
});
