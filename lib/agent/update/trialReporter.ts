/**
 * The new version's side of its trial: it reports its connection, and ends with the process that
 * watches it.
 */
import { msgAccepted, msgConnected, msgDisconnected, trialVariable } from "./trial.ts";

export interface TrialReporter {
  /** Reports to the watching process whether there is a connection. */
  linked(isUp: boolean): void;
}

/**
 * Returns undefined if this process is not on trial.
 * @param proved Called when the trial has passed and this process must end.
 */
export function createTrialReporter(proved: () => void): TrialReporter | undefined {
  if (process.env[trialVariable] !== "1") return undefined;
  process.stdin.on("data", (bytes) => {
    if (bytes.toString().includes(msgAccepted)) proved();
  });
  // The watching process has ended: the installed version runs again, and must be able to open the
  // journal.
  process.stdin.once("end", () => process.kill(process.pid, "SIGKILL"));
  process.stdout.on("error", () => {});
  return {
    linked: (isUp) => void process.stdout.write(`${isUp ? msgConnected : msgDisconnected}\n`),
  };
}
