/**
 * What an agent and a program's supervisor tell each other through files in the run's directory.
 */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { writeFileAtomically } from "../../files/atomicWrite.ts";

/** What is to be run; written by the agent before the supervisor starts. */
export interface SupervisedRun {
  requestId: string;
  /** Programs one after the other; the first that fails is the last. */
  steps: string[][];
  /** Before the first one; it counts towards the timeout. */
  delayMs: number;
  env: Record<string, string>;
  directory: string;
  /** Reaches the program on its standard input. */
  stdin: string;
  timeoutMs: number;
  outputBytes: number;
  /** Whom it runs as, where that is somebody else. */
  user?: string;
  /** Its result is an update that is ready to be tried. */
  leadsTo?: "update";
}

/** Why a supervisor stops its program; the first two are what an agent may ask for. */
export const stopSignals = ["timeout", "cancel", "shutdown"] as const;
export type StopSignal = (typeof stopSignals)[number];

/**
 * What else is said over the supervisor's socket, a line each: an agent with followers says
 * "read TAKEN SEEN", the pieces up to which they have taken everything, and up to which they know
 * of all; the supervisor answers "wrote" once there is more than that.
 */
export const msgRead = "read";
/** Nobody follows: the program need not wait for anybody. */
export const msgRelease = "free";
export const msgWrote = "wrote";

/** How it ended; written by the supervisor, once and for all. */
export interface RunEnd {
  exitCode?: number;
  /** The signal that ended it. */
  signal?: string;
  /** Why the supervisor stopped it. */
  stopped?: StopSignal;
  /** Why it could not be started, or be stopped. */
  fault?: string;
  /** Not even the first of its steps began. */
  isUnstarted?: boolean;
  /** Both streams as they came, head and tail. */
  output: string;
  /** The sequence number of the last piece of live output. */
  lastPiece?: number;
  /** What the program returns to a program. */
  result?: unknown;
}

export function unstarted(fault: string): RunEnd {
  return { fault, isUnstarted: true, output: "" };
}

export const specFile = "spec.json";
export const endFile = "end.json";
/** Written right before the program is started. */
export const begunFile = "begun";
/** The supervisor listens here as long as it lives. */
export const socketFile = "socket";
/** Its output is followed, and may be asked for again after a break. */
export const subscribedFile = "followed";
/** Where a program may leave its result. */
export const resultFile = "result.json";

/** Replaces a file of a run as a whole, with a value as JSON. */
export function writeRunFile(dir: string, file: string, value: unknown): void {
  writeFileAtomically(join(dir, file), JSON.stringify(value));
}

/** Undefined where there is no such file, and for one that is none of ours. */
export function readFileIfExists<T>(dir: string, file: string): T | undefined {
  let text: string;
  try {
    text = readFileSync(join(dir, file), "utf8");
  } catch (error) {
    if (/^(ENOENT|ENOTDIR|EISDIR)$/.test((error as NodeJS.ErrnoException).code ?? "")) {
      return undefined;
    }
    throw error;
  }
  try {
    return JSON.parse(text) as T;
  } catch {
    return undefined;
  }
}
