import { defineCommand } from "citty";
import { type Check, diagnose } from "../lib/client/diagnose.ts";
import { errorCodes, WsctlError } from "../lib/protocol/errors.ts";
import { loadRuntime } from "../lib/runtime/load.ts";
import { type ClientFlags, clientArgs } from "./cli/commonFlags.ts";
import { exitFailed, exitOk } from "./cli/exit.ts";
import { knownAgents } from "./flags/agentConnection.ts";
import type { ConnectionSettings } from "./flags/connection.ts";
import { readOperatorConnection } from "./flags/context.ts";
import { paint, print, printJson } from "./output/stdio.ts";

export default defineCommand({
  meta: {
    name: "doctor",
    description: "Diagnose connection problems",
    examples: ["wsctl doctor", "wsctl doctor --server https://ops.example.com --token-file token"],
  },
  args: clientArgs,
  run: ({ args }) => doctorRun(args),
});

export interface DoctorOptions extends ClientFlags {
  json?: boolean | undefined;
}

/** Who connects, as the output names it. */
interface Subject extends Omit<ConnectionSettings, "token"> {
  name: string;
  token: string | undefined;
  authorization(): Promise<string>;
}

/** Prints each check. Returns the exit status of the first failed check. */
async function doctorRun(options: DoctorOptions): Promise<number> {
  const runtime = await loadRuntime();
  let status: number = exitOk;
  for (const subject of await findSubjects(options)) {
    const { name, url } = subject;
    if (!options.json) print(`${name} at ${url}`);
    const checks = await diagnose({ ...subject, runtime });
    for (const check of checks) {
      if (options.json) printJson({ subject: name, ...check });
      else printCheck(check);
    }
    const failed = checks.find((check) => !check.ok);
    if (status === exitOk && failed !== undefined) status = statusOf(failed);
  }
  return status;
}

/**
 * Returns the caller, and without --server also the agents of this host.
 * @throws {WsctlError} USAGE or UNREACHABLE
 */
async function findSubjects(options: DoctorOptions): Promise<Subject[]> {
  const agents = options.server === undefined ? await knownAgents(options) : [];
  const subjects = agents.map(({ agentId, access, authorization }) => ({
    ...access,
    name: `agent ${agentId}`,
    token: undefined,
    authorization,
  }));
  try {
    // Without a token, the connection is still checked; the check of the token then fails.
    const settings = await readOperatorConnection(options, false);
    const authorization = async () => `Bearer ${settings.token}`;
    return [{ ...settings, name: "caller", authorization }, ...subjects];
  } catch (error) {
    const isUnknown = error instanceof WsctlError && error.code === "UNREACHABLE";
    if (!isUnknown || subjects.length === 0) throw error;
    return subjects;
  }
}

function statusOf({ name }: Check): number {
  if (name === "token" || name === "agent") return errorCodes.UNAUTHORIZED.exit;
  return name === "clock" ? exitFailed : errorCodes.UNREACHABLE.exit;
}

function printCheck(check: Check): void {
  const word = check.ok ? paint("green", "ok  ") : paint("red", "FAIL");
  print(`${word}  ${check.name}: ${check.text}`);
  if (check.fix !== undefined) print(`      fix: ${check.fix}`);
}
