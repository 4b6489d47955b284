/**
 * The new version's side of its trial: it says how it is, and ends with the one that watches it.
 */
import { msgAccepted, msgConnected, msgDisconnected, trialVariable } from "./trial.ts";

export interface TrialReporter {
  /** Tells the watching process whether there is a connection. */
  linked(isUp: boolean): void;
}

/** Undefined where this process is not on trial; `proved` is called when it is to make room. */
export function createTrialReporter(proved: () => void): TrialReporter | undefined {
  if (process.env[trialVariable] !== "1") return undefined;
  process.stdin.on("data", (bytes) => {
    if (bytes.toString().includes(msgAccepted)) proved();
  });
  // Whoever watched is gone: what is installed runs again, and must find the journal free.
  process.stdin.once("end", () => process.kill(process.pid, "SIGKILL"));
  process.stdout.on("error", () => {});
  return {
    linked: (isUp) => void process.stdout.write(`${isUp ? msgConnected : msgDisconnected}\n`),
  };
}
