/**
 * The files and messages that an agent and a program's supervisor exchange in the directory of the
 * run.
 */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { writeFileAtomically } from "../../files/atomicWrite.ts";

/** The program to run; the agent writes it before the supervisor starts. */
export interface SupervisedRun {
  requestId: string;
  /** Programs that run in sequence until one fails. */
  steps: string[][];
  /** The text of a script that a step names; the supervisor writes it into its directory. */
  script?: string;
  /** The delay before the first step; it counts towards the timeout. */
  delayMs: number;
  env: Record<string, string>;
  directory: string;
  /** The standard input of the program. */
  stdin: string;
  timeoutMs: number;
  outputBytes: number;
  /** The user that the program runs as, if it is another one. */
  user?: string;
  /** The program that fetches files into a new directory before the first step. */
  fetching?: Helper & { dir: string };
  /** The program that stores the artifacts that the run leaves. */
  storing?: Helper;
  /** The result is an update that is ready for its trial. */
  leadsTo?: "update";
}

/** A program of the agent that a supervisor runs beside the steps, with its request on stdin. */
export interface Helper {
  argv: string[];
  env: Record<string, string>;
  stdin: string;
}

/** Why a supervisor stops its program. An agent may request the first two. */
export const stopSignals = ["timeout", "cancel", "shutdown"] as const;
export type StopSignal = (typeof stopSignals)[number];

/**
 * The other messages on the supervisor's socket, one per line. An agent with subscribers sends
 * "read TAKEN SEEN": the sequences that all of them have read, and that it has seen. The supervisor
 * sends "wrote" when there is newer output.
 */
export const msgRead = "read";
/** There are no subscribers: the program need not wait. */
export const msgRelease = "free";
export const msgWrote = "wrote";

/** How the run ended; the supervisor writes it once. */
export interface RunEnd {
  exitCode?: number;
  /** The signal that ended the program. */
  signal?: string;
  /** Why the supervisor stopped the program. */
  stopped?: StopSignal;
  /** Why the program could not be started or stopped. */
  fault?: string;
  /** None of the steps started. */
  isUnstarted?: boolean;
  /** From the start of the first step to the end of the last one, in milliseconds. */
  ranMs?: number;
  /** Both streams in order of arrival, head and tail. */
  output: string;
  /** The sequence number of the last chunk of live output. */
  lastPiece?: number;
  /** The result that the program returned. */
  result?: unknown;
  /** Why the result that the program returned is missing. */
  resultFault?: string;
}

export function unstarted(fault: string): RunEnd {
  return { fault, isUnstarted: true, output: "" };
}

export const specFile = "spec.json";
export const scriptFile = "script";
export const endFile = "end.json";
/** Created immediately before the program starts, or when the agent gives up its start. */
export const begunFile = "begun";
/** Exists if the output has a subscriber, which may subscribe again after a disconnect. */
export const subscribedFile = "followed";
/** The program may write its result to this file, and leave files in this directory. */
export const resultFile = "result.json";
export const artifactDir = "artifacts";

/** Replaces a file of a run atomically with a value as JSON. */
export function writeRunFile(dir: string, file: string, value: unknown): void {
  writeFileAtomically(join(dir, file), JSON.stringify(value));
}

/** Returns undefined if the file does not exist, or was not written by this program. */
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
