/**
 * Named points at which a test build dies, as by `kill -9`:
 * `WSCTL_FAILPOINT=control_after_commit:3` ends the process the third time it passes there. In
 * every other build this is nothing at all.
 */
import { DatabaseSync } from "node:sqlite";

/** Set by `scripts/build.ts` for test builds; anywhere else it does not exist. */
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

/** What is broken in this build, for tests of updates; nothing in every other. */
declare const WSCTL_FAULT: string | undefined;

const plantedFault = typeof WSCTL_FAULT === "undefined" ? undefined : WSCTL_FAULT;

/** Called before an agent opens its journal: a build that is broken on purpose gets no further. */
export async function breakIfPlanted(journalPath: string): Promise<void> {
  if (plantedFault === "mute") await new Promise(() => {});
  if (plantedFault === "migrate") {
    const db = new DatabaseSync(journalPath);
    db.exec("PRAGMA user_version = 1000");
    db.close();
  }
  if (plantedFault !== undefined) process.kill(process.pid, "SIGKILL");
}
