/**
 * How an agent's process is replaced: by the same program, or by another version that proves
 * itself.
 */
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Update } from "../../lib/agent/core/model.ts";
import {
  backUpJournal,
  deleteJournalBackup,
  restoreJournalBackup,
} from "../../lib/agent/journal/journal.ts";
import { install, previousPath } from "../../lib/agent/update/install.ts";
import { runTrial } from "../../lib/agent/update/trial.ts";
import type { Log } from "../../lib/log/log.ts";
import { errorText } from "../../lib/protocol/errors.ts";
import type { Runtime } from "../../lib/runtime/runtime.ts";
import { exitOk } from "../cli/exit.ts";

export interface ReplaceOptions {
  runtime: Runtime;
  log: Log;
  /** The agent's own directory. */
  dir: string;
  /** Aborted when the agent is to end for good. */
  stopped: AbortSignal;
}

const faultVariable = "WSCTL_TRIAL_FAULT";

/** Why the version that was tried before this process did not stay; said once. */
export function trialFault(): string | undefined {
  const fault = process.env[faultVariable];
  delete process.env[faultVariable];
  return fault;
}

const againMs = 1_000;

/** The same process goes on as a fresh program; where that is not there, as soon as it is. */
export async function restart({ runtime, log, stopped }: ReplaceOptions): Promise<never> {
  for (let isFirst = true; ; isFirst = false) {
    try {
      return runtime.reexec();
    } catch (error) {
      const text = `Cannot restart in place: ${errorText(error)}. It is tried again every second`;
      if (isFirst) log.error(text);
    }
    await sleep(againMs);
    if (stopped.aborted) process.exit(exitOk);
  }
}

/**
 * Tries the new version out, installs it if it proves itself, and goes on as whichever is
 * installed.
 */
export async function update(wanted: Update, options: ReplaceOptions): Promise<never> {
  const { log, dir, stopped } = options;
  const fault = await runTrialOutcome(wanted, options).catch((error) => errorText(error));
  if (fault === undefined) {
    log.info(`${wanted.to} has proved itself and is installed`, {
      previous: previousPath(process.execPath),
    });
  } else {
    log.error(`staying with ${wanted.from}: ${wanted.to} did not prove itself: ${fault}`, { dir });
    process.env[faultVariable] = fault;
  }
  if (stopped.aborted) process.exit(exitOk);
  return restart(options);
}

/** Undefined where the new version is installed. */
async function runTrialOutcome(
  wanted: Update,
  { dir, stopped }: ReplaceOptions,
): Promise<string | undefined> {
  const journal = join(dir, "journal.db");
  backUpJournal(journal);
  const trial = runTrial(wanted);
  const stop = () => trial.stop();
  stopped.addEventListener("abort", stop, { once: true });
  const fault = await trial.fault;
  stopped.removeEventListener("abort", stop);
  if (fault === undefined) install(wanted.file, process.execPath);
  if (fault === undefined) deleteJournalBackup(journal);
  else restoreJournalBackup(journal);
  return fault;
}
