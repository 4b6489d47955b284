/** Converts the end of a run to the result of its command. */
import type { CommandResult } from "../../core/model.ts";
import type { RunEnd, SupervisedRun } from "../runFiles.ts";
import { isStagedRelease } from "./stagedRelease.ts";

export function buildResult(
  end: RunEnd | undefined,
  spec: SupervisedRun | undefined,
): CommandResult {
  if (end === undefined) {
    const message = "the supervisor ended unexpectedly; it is not known how the program ended";
    return { status: "unknown", message };
  }
  const { stopped, fault, exitCode, signal, output, ranMs } = end;
  const times = ranMs === undefined ? {} : { ranMs };
  if (stopped !== undefined && fault !== undefined) return { status: "unknown", message: fault };
  const hasBegun = !end.isUnstarted;
  if (stopped === "timeout" || stopped === "cancel") {
    return { status: "stopped", why: stopped, hasBegun, output, ...times };
  }
  if (stopped !== undefined && !hasBegun) {
    return { status: "not_started", message: `${formatFailure(end)}, before the program started` };
  }
  if (fault !== undefined) {
    return { status: hasBegun ? "failed" : "not_started", message: fault };
  }
  if (spec?.leadsTo === "update" && exitCode === 0 && isStagedRelease(end.result)) {
    return { status: "restart", update: end.result.update };
  }
  const result = end.result ?? {
    exit_code: exitCode ?? null,
    ...(signal ? { signal } : {}),
    ...(end.resultFault === undefined ? {} : { result_fault: end.resultFault }),
  };
  const isSuccess = exitCode === 0 && stopped === undefined;
  const head = isSuccess ? [] : [formatFailure(end)];
  const message = [...head, output.trimEnd()].filter((part) => part !== "").join("\n");
  return { status: isSuccess ? "success" : "failed", message, result, ...times };
}

function formatFailure({ exitCode, signal, stopped }: RunEnd): string {
  if (stopped === "shutdown") return "stopped by a shutdown of the host or the agent's service";
  return exitCode === undefined ? `ended by ${signal}` : `exited with status ${exitCode}`;
}
