/** Calls the thread that holds the connection to NATS. */
import { Worker } from "node:worker_threads";
import { errorText, WsctlError } from "../../protocol/errors.ts";
import {
  createSharedAnswer,
  readSharedAnswer,
  waitForSharedAnswer,
} from "../../threads/sharedAnswer.ts";
import { threadUrl } from "../../threads/threadUrl.ts";
import { publishMs } from "../stream/publication.ts";
import type { PublishOutcome } from "./publishOutcome.ts";
import type {
  CallName,
  FromThread,
  PublishRequest,
  StreamBatch,
  ThreadCalls,
  ThreadEvent,
  ToThread,
} from "./threadMessages.ts";

/** The thread answers within `publishMs`, unless it stands still. */
const settleMs = publishMs + 1_000;

interface Pending {
  resolve(output: never): void;
  reject(error: WsctlError): void;
}

interface Publication {
  id: number;
  result: SharedArrayBuffer;
  done(outcome: PublishOutcome): void;
}

/** NATS, as a node uses it. */
export type ClusterNats = Pick<
  NatsClient,
  "call" | "publish" | "settle" | "close" | "onEvent" | "onBatch" | "onFailed"
>;

export class NatsClient {
  readonly #worker: Worker;
  readonly #pending = new Map<number, Pending>();
  #nextId = 1;
  #failure: WsctlError | undefined;
  #publication: Publication | undefined;
  /** Takes what the thread reports. */
  onEvent: (event: ThreadEvent) => void = () => {};
  /** Takes the batches of the stream that is followed. */
  onBatch: (batch: StreamBatch) => void = () => {};
  /** Called if the thread has ended by itself. */
  onFailed: (error: WsctlError) => void = () => {};

  constructor() {
    this.#worker = new Worker(threadUrl("lib/cluster/nats/natsThread.ts"));
    this.#worker.on("message", (message: FromThread) => this.#received(message));
    this.#worker.on("error", (error) => this.#failed(error));
  }

  /** @throws {WsctlError} UNAVAILABLE or USAGE, with what is wrong with NATS */
  call<Name extends CallName>(
    call: Name,
    input: ThreadCalls[Name]["input"],
  ): Promise<ThreadCalls[Name]["output"]> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    const id = this.#nextId++;
    const answer = new Promise<ThreadCalls[Name]["output"]>((resolve, reject) => {
      this.#pending.set(id, { resolve, reject });
    });
    this.#send({ call, id, input } as ToThread);
    return answer;
  }

  /** Publishes a batch; `done` is called once, later. There is one publication at a time. */
  publish(
    request: Omit<PublishRequest, "id" | "result">,
    done: (outcome: PublishOutcome) => void,
  ): void {
    const id = this.#nextId++;
    const result = createSharedAnswer();
    this.#publication = { id, result, done };
    this.#send({ publish: { ...request, id, result } });
  }

  /** Waits for the publication, and calls its `done` before it returns. */
  settle(): void {
    const open = this.#publication;
    if (open === undefined) return;
    waitForSharedAnswer(open.result, settleMs);
    this.#finish(open);
  }

  async close(): Promise<void> {
    await this.call("close", null).catch(() => {});
    await this.#worker.terminate();
  }

  #send(message: ToThread): void {
    this.#worker.postMessage(message);
  }

  #received(message: FromThread): void {
    if ("event" in message) {
      if (message.event === "batch") {
        this.onBatch(message.batch);
        return this.#send({ taken: message.following });
      }
      if (message.event !== "published") return this.onEvent(message);
      if (this.#publication?.id === message.id) this.#finish(this.#publication);
      return;
    }
    const pending = this.#pending.get(message.id);
    this.#pending.delete(message.id);
    if ("output" in message) return pending?.resolve(message.output as never);
    const { code, message: text } = message.error;
    pending?.reject(new WsctlError(code, text));
  }

  #finish(publication: Publication): void {
    if (this.#publication !== publication) return;
    this.#publication = undefined;
    const outcome = readSharedAnswer(publication.result) as PublishOutcome | undefined;
    publication.done(outcome ?? noAnswer);
  }

  #failed(error: unknown): void {
    const text = `The thread of the connection to NATS failed: ${errorText(error)}`;
    const failure = new WsctlError("INTERNAL", text, { cause: error });
    this.#failure = failure;
    for (const { reject } of this.#pending.values()) reject(failure);
    this.#pending.clear();
    this.onFailed(failure);
  }
}

const noAnswer: PublishOutcome = { status: "unknown", position: 0, reason: "no answer in time" };
