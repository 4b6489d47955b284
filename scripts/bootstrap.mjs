// Runs one of the TypeScript scripts beside this file with the Bun that package.json names.
// It is plain JavaScript because it is what runs on a machine that has nothing but Node.js and npm.
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const bun = join(root, "node_modules", ".bin", "bun");
const stamp = join(root, "node_modules", ".installed");
const wanted = createHash("sha256")
  .update(readFileSync(join(root, "package.json")))
  .update(readFileSync(join(root, "bun.lock")))
  .digest("hex");

const installed = () =>
  existsSync(bun) && existsSync(stamp) && readFileSync(stamp, "utf8") === wanted;

function run(command, args) {
  const done = spawnSync(command, args, { cwd: root, stdio: "inherit" });
  if (done.error) {
    console.error(`Cannot run "${command}": ${done.error.message}`);
    process.exit(1);
  }
  return done.status ?? 1;
}

if (!installed()) {
  const { bun: version } = JSON.parse(
    readFileSync(join(root, "package.json"), "utf8"),
  ).devDependencies;
  const install = ["install", "--frozen-lockfile"];
  const status = process.versions.bun
    ? run(process.execPath, install)
    : run("npm", ["exec", "--yes", `--package=bun@${version}`, "--", "bun", ...install]);
  if (status !== 0) {
    console.error(
      'Cannot install the dependencies: "bun install --frozen-lockfile" failed (above)',
    );
    process.exit(status);
  }
  writeFileSync(stamp, wanted);
}

// The control plane embeds the bundle of the console, also when it runs from sources.
const bundled = run(bun, ["run", join(root, "scripts", "consoleBundle.ts")]);
process.exit(bundled || run(bun, ["run", ...process.argv.slice(2)]));
