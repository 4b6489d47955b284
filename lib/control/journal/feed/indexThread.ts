/** The thread that writes the index of the log. `threadIndex.ts` starts it and calls it. */
import { parentPort } from "node:worker_threads";
import { errorText, WsctlError } from "../../../protocol/errors.ts";
import { reasonCharsMax, writeSharedAnswer } from "../../../threads/sharedAnswer.ts";
import type { IndexUpkeep } from "./journalIndex.ts";
import { LocalIndex } from "./localIndex.ts";
import {
  type IndexAnswer,
  type IndexCall,
  type IndexRequest,
  type PackedFacts,
  unpackFacts,
} from "./threadCalls.ts";

let index: LocalIndex | undefined;

function run({ name, args }: IndexCall): unknown {
  if (name === "open") {
    index = new LocalIndex(args[0] as string, true);
    return [index.applied.sequence, Buffer.from(index.applied.digest).toString("hex")];
  }
  if (index === undefined) throw new Error("the index is not open");
  if (name === "write") return write(index, ...(args as WriteArgs));
  if (name === "close") return index.close();
  const step = index.upkeep[name as keyof IndexUpkeep] as (...given: unknown[]) => unknown;
  return step(...args);
}

type WriteArgs = [facts: PackedFacts, end: readonly [number, string] | undefined];

function write(to: LocalIndex, ...[facts, end]: WriteArgs): void {
  const last = end && { sequence: end[0], digest: new Uint8Array(Buffer.from(end[1], "hex")) };
  let failure: unknown;
  to.write(unpackFacts(facts), last, (error) => {
    failure = error;
  });
  if (failure !== undefined) throw failure;
}

function answerTo(call: IndexCall): IndexAnswer {
  try {
    return { output: run(call) ?? null };
  } catch (error) {
    const message = errorText(error).slice(0, reasonCharsMax);
    return { error: error instanceof WsctlError ? { code: error.code, message } : { message } };
  }
}

parentPort?.on("message", (request: IndexRequest) => {
  writeSharedAnswer(request.memory, answerTo(request));
  parentPort?.postMessage(request.id);
});
