/**
 * Named points at which a test build kills itself with SIGKILL:
 * `WSCTL_FAILPOINT=control_after_commit:3` ends the process the third time that it reaches this
 * point. In other builds these calls do nothing.
 */

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
