/**
 * Bundles the page of the console into `dist/console/`, from where `lib/control/console/assets.ts`
 * embeds it: one script and one style sheet. The build, the tests and the scripts run it first.
 */
import { mkdirSync, readdirSync, renameSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const root = new URL("..", import.meta.url).pathname;
const outdir = join(root, "dist/console");
const files = ["app.js", "style.css"] as const;

/** Bundles the page unless the bundle is newer than all that it is made of. */
export async function ensureConsoleBundle(): Promise<void> {
  const made = Math.min(...files.map((file) => modified(join(outdir, file))));
  const sources = ["lib/control/console/page", "lib/protocol", "lib/control/auth"].flatMap(below);
  const single = ["package.json", "lib/escapeControls.ts"].map((file) => join(root, file));
  const newest = Math.max(...[...sources, ...single].map(modified));
  if (made < newest) await bundleConsole();
}

async function bundleConsole(): Promise<void> {
  const page = join(root, "lib/control/console/page");
  const built = await Bun.build({
    entrypoints: [join(page, "main.tsx"), join(page, "style/main.css")],
    target: "browser",
    minify: true,
    define: { "process.env.NODE_ENV": '"production"' },
  });
  if (!built.success) throw new AggregateError(built.logs, "Cannot bundle the console");
  mkdirSync(outdir, { recursive: true });
  for (const output of built.outputs) {
    const name = output.path.endsWith(".css") ? files[1] : files[0];
    // Another process may read the bundle at this moment.
    const part = join(outdir, `${name}.${process.pid}`);
    writeFileSync(part, await output.text());
    renameSync(part, join(outdir, name));
  }
}

function below(folder: string): string[] {
  return readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
}

/** The time of the last change; 0 if the file does not exist. */
function modified(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;
}

await ensureConsoleBundle();
