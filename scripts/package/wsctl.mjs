#!/usr/bin/env node
/**
 * `npx wsctl`: starts the binary for this system, which npm installs with the package as an optional
 * dependency.
 */
import { spawn } from "node:child_process";
import { createRequire } from "node:module";

const { platform, arch } = process;
const isMusl = platform === "linux" && !process.report.getReport().header.glibcVersionRuntime;
const system = `${platform === "win32" ? "windows" : platform}-${arch}${isMusl ? "-musl" : ""}`;
const name = `@wsctl/${system}`;

let binary;
try {
  const file = platform === "win32" ? "wsctl.exe" : "wsctl";
  binary = createRequire(import.meta.url).resolve(`${name}/bin/${file}`);
} catch {
  console.error(
    `wsctl: Cannot start: the package ${name} is not installed. Install without --omit=optional, or get the binary of a release`,
  );
  process.exit(1);
}

const child = spawn(binary, process.argv.slice(2), { stdio: "inherit" });
// A terminal sends Ctrl-C to both; the other signals reach this process alone.
process.on("SIGINT", () => {});
for (const signal of ["SIGTERM", "SIGHUP"]) process.on(signal, () => child.kill(signal));
child.once("error", (error) => {
  console.error(`wsctl: Cannot start "${binary}": ${error.message}`);
  process.exit(1);
});
child.once("exit", (code, signal) => {
  if (signal === null) process.exit(code ?? 1);
  process.removeAllListeners(signal);
  process.kill(process.pid, signal);
});
