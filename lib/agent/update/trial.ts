/**
 * Runs a new version on trial before it replaces the installed one. The old process disconnects and
 * watches. The new program runs as its child, as the agent, with the same journal and agent id. The
 * installed file is replaced only after the new program has stayed connected for long enough. Until
 * then, the installed file is the old one. So after a crash, a hang, a reboot or the end of either
 * process, the next start runs an agent that works.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { errorText } from "../../protocol/errors.ts";
import { trialStopMs } from "../../protocol/limits.ts";
import type { Update } from "../core/model.ts";

/** Set for the new program: it is on trial, and reports on standard output. */
export const trialVariable = "WSCTL_ON_TRIAL";
/**
 * The messages of the new program, one per line, and the message that it gets when it has passed.
 */
export const msgConnected = "up";
export const msgDisconnected = "down";
export const msgAccepted = "proved";

export interface Trial {
  /**
   * Resolves when the program has ended: with the reason if it failed its trial, otherwise with
   * undefined.
   */
  fault: Promise<string | undefined>;
  /** Ends the trial early. */
  stop(): void;
}

/** Starts the new program with the arguments of this process. */
export function runTrial(update: Update): Trial {
  const { file } = update;
  const child = spawn(file, process.argv.slice(2), {
    env: { ...process.env, [trialVariable]: "1" },
    stdio: ["pipe", "pipe", "inherit"],
  });
  const watch = new TrialWatch(child, update);
  return { fault: watch.fault, stop: () => watch.end("the agent was stopped during the trial") };
}

class TrialWatch {
  readonly fault: Promise<string | undefined>;
  readonly #child: ChildProcess;
  readonly #healthyMs: number;
  readonly #connectMs: number;
  #settle: (fault: string | undefined) => void = () => {};
  /** The result of the trial; undefined while it is open. */
  #verdict: { fault: string | undefined } | undefined;
  #timer: NodeJS.Timeout;

  constructor(child: ChildProcess, { to, healthyMs, connectMs }: Update) {
    this.#child = child;
    this.#healthyMs = healthyMs;
    this.#connectMs = connectMs;
    this.fault = new Promise((resolve) => {
      this.#settle = resolve;
    });
    const tooLate = `it did not connect within ${connectMs / 1000} s`;
    this.#timer = setTimeout(() => this.end(tooLate), connectMs);
    const deadlineMs = 2 * (connectMs + healthyMs);
    setTimeout(() => this.end("it did not stay connected"), deadlineMs).unref();
    child.once("error", (error) => {
      if (child.pid !== undefined) return;
      this.#verdict ??= { fault: `cannot start ${to}: ${errorText(error)}` };
      this.#settle(this.#verdict.fault);
    });
    child.once("exit", (status, signal) => {
      clearTimeout(this.#timer);
      this.#verdict ??= { fault: `it ended by itself (${signal ?? `status ${status}`})` };
      this.#settle(this.#verdict.fault);
    });
    // The child may have ended before the message arrives.
    child.stdin?.on("error", () => {});
    child.stdout?.on("data", (bytes: Buffer) => {
      for (const word of bytes.toString().trim().split("\n")) this.#onMessage(word);
    });
  }

  /** Requests the child to end, then kills it. */
  end(fault: string): void {
    if (this.#verdict !== undefined) return;
    this.#verdict = { fault };
    this.#child.kill("SIGTERM");
    this.#killAfterGrace();
  }

  #onMessage(word: string): void {
    if (this.#verdict !== undefined) return;
    if (word === msgConnected) {
      clearTimeout(this.#timer);
      this.#timer = setTimeout(() => this.#onAccepted(), this.#healthyMs);
    } else if (word === msgDisconnected) {
      clearTimeout(this.#timer);
      const fault = "it lost its connection and did not reconnect";
      this.#timer = setTimeout(() => this.end(fault), this.#connectMs);
    }
  }

  /** The child ends, and the same program starts from its installed path. */
  #onAccepted(): void {
    this.#verdict = { fault: undefined };
    this.#child.stdin?.write(`${msgAccepted}\n`);
    this.#killAfterGrace();
  }

  #killAfterGrace(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#child.kill("SIGKILL"), trialStopMs);
  }
}
