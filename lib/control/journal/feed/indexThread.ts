/** The thread that writes the index of the log. `threadIndex.ts` starts it and calls it. */
import { renameSync } from "node:fs";
import { setPriority } from "node:os";
import { parentPort } from "node:worker_threads";
import { errorText, WsctlError } from "../../../protocol/errors.ts";
import { removeDatabase } from "../../../store/databaseFile.ts";
import type { ChainEnd } from "../../../store/log/segments.ts";
import { reasonCharsMax, writeSharedAnswer } from "../../../threads/sharedAnswer.ts";
import type { IndexUpkeep } from "./journalIndex.ts";
import { LocalIndex } from "./localIndex.ts";
import {
  type IndexAnswer,
  type IndexCall,
  type IndexRequest,
  type PackedEnd,
  type PackedFacts,
  packEnd,
  unpackEnd,
  unpackFacts,
} from "./threadCalls.ts";

/** See setpriority(2). */
const niceness = 10;

interface OpenIndex {
  path: string;
  index: LocalIndex;
}

/** The event loop comes first where processors are busy. On Linux, this is about the thread alone. */
function yieldToEventLoop(): void {
  if (process.platform !== "linux") return;
  try {
    setPriority(niceness);
  } catch {} // A sandbox may refuse it. The thread then gets its share as every other one.
}

let current: OpenIndex | undefined;
/** The one that is being built. */
let next: OpenIndex | undefined;

const calls: Record<string, (...args: never[]) => unknown> = {
  open: (path: string) => {
    current = { path, index: new LocalIndex(path, true) };
    return packEnd(current.index.applied);
  },
  write: (facts: PackedFacts, end?: PackedEnd) => write(opened(current), facts, end),
  begin: (path: string) => {
    next?.index.close();
    removeDatabase(path);
    next = { path, index: new LocalIndex(path) };
  },
  build: (facts: PackedFacts) => write(opened(next), facts),
  finish: (facts: PackedFacts, end: PackedEnd, path: string) => finish(facts, end, path),
  close: () => {
    next?.index.close();
    opened(current).index.close();
  },
};

/** @throws {Error} without a code if the old index stays in use */
function finish(facts: PackedFacts, end: PackedEnd, path: string): void {
  const [before, after] = [opened(current), opened(next)];
  write(after, facts, end);
  // Closing writes everything into the one file that is renamed.
  after.index.close();
  next = undefined;
  removeDatabase(path);
  renameSync(after.path, path);
  current = { path, index: new LocalIndex(path, true) };
  before.index.close();
  removeDatabase(before.path);
}

function opened(one: OpenIndex | undefined): OpenIndex {
  if (one === undefined) throw new Error("the index is not open");
  return one;
}

function write({ index }: OpenIndex, facts: PackedFacts, end?: PackedEnd): void {
  const last: ChainEnd | undefined = end && unpackEnd(end);
  let failure: unknown;
  index.write(unpackFacts(facts), last, (error) => {
    failure = error;
  });
  if (failure !== undefined) throw failure;
}

function run({ name, args }: IndexCall): unknown {
  const call = calls[name] as ((...given: unknown[]) => unknown) | undefined;
  if (call !== undefined) return call(...args);
  const { upkeep } = opened(current).index;
  const step = upkeep[name as keyof IndexUpkeep] as (...given: unknown[]) => unknown;
  return step(...args);
}

function answerTo(call: IndexCall): IndexAnswer {
  try {
    return { output: run(call) ?? null };
  } catch (error) {
    const message = errorText(error).slice(0, reasonCharsMax);
    return { error: error instanceof WsctlError ? { code: error.code, message } : { message } };
  }
}

yieldToEventLoop();

parentPort?.on("message", (request: IndexRequest) => {
  writeSharedAnswer(request.memory, answerTo(request));
  parentPort?.postMessage(request.id);
});
