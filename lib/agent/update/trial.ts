/**
 * A new version proves itself before it takes the old one's place. The old process steps back and
 * watches: the new program runs as its child, as the agent, with the same journal and the same
 * name. Only when it has stayed connected for long enough is the installed file replaced. Whatever
 * happens before that, a crash, a hang, a reboot, the death of either process, the installed file
 * is still the old one, and whoever starts it anew gets an agent that works.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { errorText } from "../../protocol/errors.ts";
import { trialStopMs } from "../../protocol/limits.ts";
import type { Update } from "../core/model.ts";

/** Set for the new program: it is on trial, and reports on standard output. */
export const trialVariable = "WSCTL_ON_TRIAL";
/**
 * What it reports, a line each, and what it is told on standard input when it has proved itself.
 */
export const msgConnected = "up";
export const msgDisconnected = "down";
export const msgAccepted = "proved";

export interface Trial {
  /** Why it did not prove itself; undefined where it did. It has ended in either case. */
  fault: Promise<string | undefined>;
  /** Ends it before its time. */
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
  return { fault: watch.fault, stop: () => watch.end("the agent was stopped meanwhile") };
}

class TrialWatch {
  readonly fault: Promise<string | undefined>;
  readonly #child: ChildProcess;
  readonly #healthyMs: number;
  readonly #connectMs: number;
  #settle: (fault: string | undefined) => void = () => {};
  /** Decided; undefined while it is still open. */
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
      this.#verdict ??= { fault: `${to} cannot be started: ${errorText(error)}` };
      this.#settle(this.#verdict.fault);
    });
    child.once("exit", (status, signal) => {
      clearTimeout(this.#timer);
      this.#verdict ??= { fault: `it ended by itself (${signal ?? `status ${status}`})` };
      this.#settle(this.#verdict.fault);
    });
    // What it is told may come too late for it.
    child.stdin?.on("error", () => {});
    child.stdout?.on("data", (bytes: Buffer) => {
      for (const word of bytes.toString().trim().split("\n")) this.#onMessage(word);
    });
  }

  /** It is told to end, and made to. */
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
      const fault = "it lost its connection and did not come back";
      this.#timer = setTimeout(() => this.end(fault), this.#connectMs);
    }
  }

  /** It makes room for itself: the same program comes back from the place where it is installed. */
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
