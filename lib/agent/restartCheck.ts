/** Checks that a new process of this program can start, before the current one ends. */
import { spawn } from "node:child_process";
import { errorText } from "../protocol/errors.ts";

const patienceMs = 10_000;

/**
 * Returns why a new process cannot start, or undefined if it can.
 * @param self The command line that starts the program.
 */
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
        else refuse(`the program ended with ${signal ?? `status ${code}`}`);
      });
    } catch (error) {
      refuse(errorText(error));
    }
  });
}
