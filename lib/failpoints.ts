/**
 * Named points at which a test build kills itself with SIGKILL:
 * `WSCTL_FAILPOINT=control_after_commit:3` ends the process the third time that it reaches this
 * point. In other builds these calls do nothing.
 */
import { DatabaseSync } from "node:sqlite";

/** Set by `scripts/build.ts` for test builds; undefined in other builds. */
declare const WSCTL_TEST_BUILD: boolean | undefined;

export const isTestBuild = typeof WSCTL_TEST_BUILD !== "undefined" && WSCTL_TEST_BUILD === true;

export type Failpoint =
  | "control_before_commit"
  | "control_after_commit"
  | "control_before_send"
  | "agent_before_commit"
  | "agent_after_commit"
  | "agent_before_run"
  | "agent_after_run";

const [chosen, passes = "1"] = isTestBuild ? (process.env.WSCTL_FAILPOINT ?? "").split(":") : [];
let left = Number(passes);

export function failpoint(name: Failpoint): void {
  if (!isTestBuild || name !== chosen || --left > 0) return;
  process.kill(process.pid, "SIGKILL");
}

/** How much longer each sync of a log takes in a test build, in milliseconds. */
export const syncDelayMs = isTestBuild ? Number(process.env.WSCTL_SYNC_DELAY_MS ?? 0) : 0;

/** A fault of this build for tests of updates; undefined in other builds. */
declare const WSCTL_FAULT: string | undefined;

const plantedFault = typeof WSCTL_FAULT === "undefined" ? undefined : WSCTL_FAULT;

/** Called before an agent opens its journal: a build with a fault stops here. */
export async function breakIfPlanted(journalPath: string): Promise<void> {
  if (plantedFault === "mute") await new Promise(() => {});
  if (plantedFault === "migrate") {
    const db = new DatabaseSync(journalPath);
    db.exec("PRAGMA user_version = 1000");
    db.close();
  }
  if (plantedFault !== undefined) process.kill(process.pid, "SIGKILL");
}
