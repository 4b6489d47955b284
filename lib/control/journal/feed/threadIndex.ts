/** Writes the index of the log on a thread of its own, which `indexThread.ts` is. */
import { Worker, type WorkerOptions } from "node:worker_threads";
import { type ErrorCode, errorText, WsctlError } from "../../../protocol/errors.ts";
import type { ChainEnd } from "../../../store/log/segments.ts";
import type { Database } from "../../../store/sqlite.ts";
import {
  createSharedAnswer,
  readSharedAnswer,
  waitForSharedAnswer,
} from "../../../threads/sharedAnswer.ts";
import { threadUrl } from "../../../threads/threadUrl.ts";
import { readIndex } from "../index/openDatabases.ts";
import type {
  FactBatch,
  IndexBuilder,
  IndexUpkeep,
  JournalIndex,
  LaterUpkeep,
} from "./journalIndex.ts";
import { upkeepNames } from "./journalIndex.ts";
import { type IndexAnswer, type IndexCall, packEnd, packFacts } from "./threadCalls.ts";

/** A thread that has not answered for so long stands still. */
const answerMs = 60_000;
/** Keeps the memory of the thread small on Bun; other runtimes ignore it. */
const threadOptions: WorkerOptions & { smol: boolean } = { smol: true };

interface Pending {
  memory: SharedArrayBuffer;
  done(answer: IndexAnswer): void;
}

export class ThreadIndex implements JournalIndex {
  readonly db: Database;
  readonly applied: ChainEnd;
  readonly upkeep: IndexUpkeep;
  readonly upkeepLater: LaterUpkeep;
  readonly builder: IndexBuilder;
  #path: string;
  #worker: Worker | undefined;
  readonly #pending = new Map<number, Pending>();
  #nextId = 1;
  /** The call of `write` that is pending. */
  #write: number | undefined;
  #isClosed = false;

  /** Opens the index in a file. Throws another error than a WsctlError if it must be rebuilt. */
  constructor(path: string) {
    this.#path = path;
    try {
      const [sequence, digest] = this.#callNow({ name: "open", args: [path] }) as [number, string];
      this.applied = { sequence, digest: new Uint8Array(Buffer.from(digest, "hex")) };
      this.db = readIndex(path);
    } catch (error) {
      this.#stop();
      throw error;
    }
    const whole = path.replace(/\.partial$/, "");
    this.builder = {
      begin: () => this.#callLater({ name: "begin", args: [`${whole}.new`] }),
      write: (batches) => this.#callLater({ name: "build", args: [packFacts(batches)] }),
      finish: (batches, end) => this.#finishBuild(whole, batches, end),
    };
    const now = (name: string) => [name, (...args: unknown[]) => this.#callNow({ name, args })];
    this.upkeep = Object.fromEntries(upkeepNames.map(now)) as IndexUpkeep;
    const later = (name: string) => [name, (...args: unknown[]) => this.#callLater({ name, args })];
    this.upkeepLater = Object.fromEntries(upkeepNames.map(later)) as LaterUpkeep;
  }

  write(
    batches: readonly FactBatch[],
    end: ChainEnd | undefined,
    done: (error?: unknown) => void,
  ): void {
    try {
      this.#reopen();
      const args = [packFacts(batches), end && packEnd(end)];
      this.#write = this.#call({ name: "write", args }, (answer) => {
        this.#write = undefined;
        done("error" in answer ? toError(answer.error) : undefined);
      });
    } catch (error) {
      done(error);
    }
  }

  settle(): void {
    if (this.#write !== undefined) this.#wait(this.#write);
  }

  /** The last connection that is closed completes the file, so it must be that of the thread. */
  close(): void {
    this.db.close();
    try {
      if (this.#worker !== undefined) this.#callNow({ name: "close", args: [] });
    } finally {
      this.#isClosed = true;
      this.#stop();
    }
  }

  #finishBuild(path: string, batches: readonly FactBatch[], end: ChainEnd): void {
    this.#callNow({ name: "finish", args: [packFacts(batches), packEnd(end), path] });
    this.#path = path;
    this.db.reopen(path);
  }

  /** A thread that has ended is started again. @throws {WsctlError} STORAGE_UNAVAILABLE */
  #reopen(): void {
    if (this.#worker === undefined) this.#callNow({ name: "open", args: [this.#path] });
  }

  #callNow(call: IndexCall): unknown {
    let answer: IndexAnswer | undefined;
    const id = this.#call(call, (given) => {
      answer = given;
    });
    this.#wait(id);
    return outputOf(answer);
  }

  async #callLater(call: IndexCall): Promise<never> {
    const { promise, resolve } = Promise.withResolvers<IndexAnswer>();
    this.#reopen();
    this.#call(call, resolve);
    return outputOf(await promise) as never;
  }

  #call(call: IndexCall, done: (answer: IndexAnswer) => void): number {
    if (this.#isClosed) throw new WsctlError("INTERNAL", "Cannot use the index: it is closed");
    this.#worker ??= this.#start();
    const id = this.#nextId++;
    const memory = createSharedAnswer();
    this.#pending.set(id, { memory, done });
    this.#worker.postMessage({ ...call, id, memory });
    return id;
  }

  /** Blocks this thread until the call is answered. */
  #wait(id: number): void {
    const pending = this.#pending.get(id);
    if (pending === undefined) return;
    waitForSharedAnswer(pending.memory, answerMs);
    this.#finish(id);
    if (this.#pending.has(id)) this.#failed(`it has not answered for ${answerMs / 1000} s`);
  }

  #finish(id: number): void {
    const pending = this.#pending.get(id);
    const answer = pending && (readSharedAnswer(pending.memory) as IndexAnswer | undefined);
    if (pending === undefined || answer === undefined) return;
    this.#pending.delete(id);
    pending.done(answer);
  }

  #start(): Worker {
    const worker = new Worker(threadUrl("lib/control/journal/feed/indexThread.ts"), threadOptions);
    worker.on("message", (id: number) => this.#finish(id));
    worker.on("error", (error) => this.#ended(worker, errorText(error)));
    worker.on("exit", () => this.#ended(worker, "it has ended"));
    // The process ends when the control plane is closed.
    worker.unref();
    return worker;
  }

  #ended(worker: Worker, reason: string): void {
    if (this.#worker === worker) this.#failed(reason);
  }

  /** Nothing that is pending will be answered. The next write starts a new thread. */
  #failed(reason: string): void {
    this.#stop();
    const message = `the thread of the index failed: ${reason}`;
    const all = [...this.#pending.values()];
    this.#pending.clear();
    for (const { done } of all) done({ error: { code: "STORAGE_UNAVAILABLE", message } });
  }

  #stop(): void {
    const worker = this.#worker;
    this.#worker = undefined;
    void worker?.terminate();
  }
}

function outputOf(answer: IndexAnswer | undefined): unknown {
  if (answer === undefined) throw new Error("no answer");
  if ("error" in answer) throw toError(answer.error);
  return answer.output;
}

function toError({ code, message }: { code?: string; message: string }): Error {
  return code === undefined ? new Error(message) : new WsctlError(code as ErrorCode, message);
}
