/** Replaces an agent's process by the same program, or by another version that passes its trial. */
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Update } from "../../lib/agent/core/model.ts";
import { backUpLog, deleteLogBackup, restoreLogBackup } from "../../lib/agent/journal/logBackup.ts";
import { install, previousPath } from "../../lib/agent/update/install.ts";
import { runTrial } from "../../lib/agent/update/trial.ts";
import type { Log } from "../../lib/log/log.ts";
import { errorText } from "../../lib/protocol/errors.ts";
import type { Runtime } from "../../lib/runtime/runtime.ts";
import { exitOk } from "../cli/exit.ts";

export interface ReplaceOptions {
  runtime: Runtime;
  log: Log;
  /** The agent's data directory. */
  dir: string;
  /** Aborted when the agent must end. */
  stopped: AbortSignal;
}

const faultVariable = "WSCTL_TRIAL_FAULT";

/** Returns, once, why the version that was tried before this process was not installed. */
export function trialFault(): string | undefined {
  const fault = process.env[faultVariable];
  delete process.env[faultVariable];
  return fault;
}

const againMs = 1_000;

/**
 * Replaces the process by the installed program. If the program is missing, it retries until the
 * program exists.
 */
export async function restart({ runtime, log, stopped }: ReplaceOptions): Promise<never> {
  for (let isFirst = true; ; isFirst = false) {
    try {
      return process.exit(runtime.reexec());
    } catch (error) {
      const text = `Cannot restart in place: ${errorText(error)}. The agent tries again every second`;
      if (isFirst) log.error(text);
    }
    await sleep(againMs);
    if (stopped.aborted) process.exit(exitOk);
  }
}

/**
 * Tries the new version, installs it if it passes its trial, and continues as the installed
 * version.
 */
export async function update(wanted: Update, options: ReplaceOptions): Promise<never> {
  const { log, dir, stopped } = options;
  const fault = await runTrialOutcome(wanted, options).catch((error) => errorText(error));
  if (fault === undefined) {
    log.info(`update installed: ${wanted.to} passed its trial`, {
      previous: previousPath(process.execPath),
    });
  } else {
    log.error(`update failed, keeping ${wanted.from}: ${wanted.to} failed its trial: ${fault}`, {
      dir,
    });
    process.env[faultVariable] = fault;
  }
  if (stopped.aborted) process.exit(exitOk);
  return restart(options);
}

/** Returns undefined if the new version was installed. */
async function runTrialOutcome(
  wanted: Update,
  { dir, stopped }: ReplaceOptions,
): Promise<string | undefined> {
  const logDir = join(dir, "log");
  backUpLog(logDir);
  const trial = runTrial(wanted);
  const stop = () => trial.stop();
  stopped.addEventListener("abort", stop, { once: true });
  const fault = await trial.fault;
  stopped.removeEventListener("abort", stop);
  if (fault === undefined) install(wanted.file, process.execPath);
  if (fault === undefined) deleteLogBackup(logDir);
  else restoreLogBackup(logDir);
  return fault;
}
