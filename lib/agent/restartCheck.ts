/** Whether a fresh process of this program would come up, asked before this one makes room. */
import { spawn } from "node:child_process";
import { errorText } from "../protocol/errors.ts";

const patienceMs = 10_000;

/** Why it would not; undefined where it would. `self` are the words that start it. */
export function checkRestart(self: readonly string[]): Promise<string | undefined> {
  const [file = "", ...args] = self;
  return new Promise((resolve) => {
    const refuse = (why: string) => resolve(`cannot start "${file}": ${why}`);
    try {
      const child = spawn(file, [...args, "--version"], { stdio: "ignore", timeout: patienceMs });
      child.once("error", (error) => {
        if (child.pid === undefined) refuse(errorText(error));
      });
      child.once("exit", (code, signal) => {
        if (code === 0) resolve(undefined);
        else refuse(`it ended with ${signal ?? `status ${code}`}`);
      });
    } catch (error) {
      refuse(errorText(error));
    }
  });
}
