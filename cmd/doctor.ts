import { defineCommand } from "citty";
import { type Check, diagnose } from "../lib/client/diagnose.ts";
import { errorCodes } from "../lib/protocol/errors.ts";
import { loadRuntime } from "../lib/runtime/load.ts";
import { type ClientFlags, clientArgs } from "./cli/commonFlags.ts";
import { exitFailed, exitOk } from "./cli/exit.ts";
import { readConnection } from "./flags/connection.ts";
import { paint, print, printJson } from "./output/stdio.ts";

export default defineCommand({
  meta: { name: "doctor", description: "Diagnose connection problems" },
  args: clientArgs,
  run: ({ args }) => doctorRun(args),
});

export interface DoctorOptions extends ClientFlags {
  json?: boolean | undefined;
}

/** Prints each check. Returns the exit status of the first failed check. */
async function doctorRun(options: DoctorOptions): Promise<number> {
  // Without a token, the connection is still checked; the check of the token then fails.
  const { url, token, trust } = readConnection(options, false);
  const runtime = await loadRuntime();
  const checks = await diagnose({ url, token, trust, fetch: runtime.fetchWith(trust) });
  const warnings = environmentWarnings();
  for (const check of checks) {
    if (options.json) printJson(check);
    else printCheck(check);
  }
  for (const text of warnings) {
    if (options.json) printJson({ name: "environment", ok: false, text });
    else print(`${paint("yellow", "warn")}  environment: ${text}`);
  }
  const failed = checks.find((check) => !check.ok);
  if (failed === undefined) return exitOk;
  if (failed.name === "token") return errorCodes.UNAUTHORIZED.exit;
  return failed.name === "clock" ? exitFailed : errorCodes.UNREACHABLE.exit;
}

function printCheck(check: Check): void {
  const word = check.ok ? paint("green", "ok  ") : paint("red", "FAIL");
  print(`${word}  ${check.name}: ${check.text}`);
  if (check.fix !== undefined) print(`      fix: ${check.fix}`);
}

/** Reports environment variables that change how a connection is made. */
function environmentWarnings(): string[] {
  const warnings: string[] = [];
  for (const name of ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"]) {
    const value = process.env[name] ?? process.env[name.toLowerCase()];
    if (value !== undefined) warnings.push(`${name} is set: connections may use a proxy`);
  }
  return warnings;
}
