/** Programs of the user that the conformance suite starts. */
import { spawn } from "node:child_process";
import { WsctlError } from "../../lib/protocol/errors.ts";
import { remark } from "../output/stdio.ts";

const stopMs = 5_000;

export interface ChildProgram {
  /** Ends it, and waits for its end. */
  stop(): Promise<void>;
}

/** Starts the agent that is tested. What it writes goes to standard error. */
export function startAgentProgram(
  words: readonly string[],
  env: Record<string, string>,
): ChildProgram {
  const [file = "", ...args] = words;
  const child = spawn(file, args, {
    stdio: ["ignore", 2, 2],
    env: { ...process.env, ...env },
  });
  const ended = new Promise<void>((resolve) => {
    child.once("exit", () => resolve());
    child.once("error", (error) => {
      remark(`wsctl: Cannot start "${file}": ${error.message}`);
      resolve();
    });
  });
  return {
    async stop() {
      child.kill("SIGTERM");
      const timer = setTimeout(() => child.kill("SIGKILL"), stopMs);
      await ended;
      clearTimeout(timer);
    },
  };
}

/**
 * Runs a command line in a shell, for example one that makes a control plane send a command.
 * Resolves when it has started: it may wait for the answer.
 *
 * @throws {WsctlError} USAGE if there is no shell
 */
export function runShell(line: string): Promise<void> {
  const child = spawn("/bin/sh", ["-c", line], { stdio: ["ignore", 2, 2] });
  return new Promise((resolve, reject) => {
    child.once("spawn", () => resolve());
    child.once("error", (error) => {
      reject(new WsctlError("USAGE", `Cannot run "${line}": ${error.message}`));
    });
  });
}
