/** What the thread of the connection to NATS does for the main thread. */
import { errorText, WsctlError } from "../../protocol/errors.ts";
import { reasonCharsMax, writeSharedAnswer } from "../../threads/sharedAnswer.ts";
import type { LogStream } from "../stream/logStream.ts";
import type { Buckets } from "./buckets.ts";
import type { PublishOutcome } from "./publishOutcome.ts";
import type {
  CallName,
  NatsSettings,
  NatsState,
  PublishRequest,
  StreamBatch,
  ThreadCalls,
  ThreadEvent,
} from "./threadMessages.ts";

/** Batches that the main thread has not taken yet. */
const aheadMax = 64;

type Calls = {
  [Name in CallName]: (
    input: ThreadCalls[Name]["input"],
  ) => Promise<ThreadCalls[Name]["output"]> | ThreadCalls[Name]["output"];
};

/** The stream and the buckets of a cluster, when NATS is ready. */
export interface OpenedNats {
  state: NatsState;
  stream: LogStream;
  buckets: Buckets;
  close(): Promise<void>;
}

export class NatsCalls {
  readonly #open: (settings: NatsSettings) => Promise<OpenedNats>;
  readonly #tell: (event: ThreadEvent) => void;
  #opened: OpenedNats | undefined;
  /** The number of the latest call of `follow` or `unfollow`. */
  #following = 0;
  #ahead = 0;
  #resume: (() => void) | undefined;

  constructor(
    open: (settings: NatsSettings) => Promise<OpenedNats>,
    tell: (event: ThreadEvent) => void,
  ) {
    this.#open = open;
    this.#tell = tell;
  }

  readonly calls: Calls = {
    open: async (settings) => {
      this.#opened = await this.#open(settings);
      return this.#opened.state;
    },
    streamState: () => this.#stream.state(),
    findBefore: (entry) => this.#stream.findBefore(entry),
    end: () => this.#stream.end(),
    origin: () => this.#stream.origin(),
    follow: async (position) => {
      const following = this.#nextFollowing();
      const failed = (error: unknown) => this.#tell({ event: "fault", reason: errorText(error) });
      await this.#stream.follow(position, (batch) => this.#handOn(batch, following), failed);
      return null;
    },
    unfollow: () => {
      this.#nextFollowing();
      this.#opened?.stream.unfollow();
      return null;
    },
    removeBefore: async (entry) => {
      await this.#stream.removeBefore(entry);
      return null;
    },
    shared: (values) => this.#buckets.share(values),
    apply: (candidate) => {
      this.#buckets.apply(candidate);
      return null;
    },
    giveBack: async () => {
      await this.#opened?.buckets.giveBack();
      return null;
    },
    present: (state) => {
      this.#buckets.present(state);
      return null;
    },
    nodes: () => this.#buckets.nodes(),
    close: async () => {
      this.#opened?.stream.unfollow();
      await this.#opened?.buckets.close();
      await this.#opened?.close();
      return null;
    },
  };

  get #stream(): LogStream {
    return this.#ready.stream;
  }

  get #buckets(): Buckets {
    return this.#ready.buckets;
  }

  get #ready(): OpenedNats {
    if (this.#opened === undefined) throw new WsctlError("INTERNAL", "NATS is not open");
    return this.#opened;
  }

  publish(request: PublishRequest): void {
    const { result, id } = request;
    const finish = (outcome: PublishOutcome) => {
      const reason = outcome.reason.slice(0, reasonCharsMax);
      writeSharedAnswer(result, { ...outcome, reason });
      this.#tell({ event: "published", id });
    };
    this.#stream.publish(request).then(finish, (error) => {
      finish({ status: "unknown", position: 0, reason: errorText(error) });
    });
  }

  /** Hands a batch on, and waits while the main thread has too many. */
  async #handOn(batch: StreamBatch, following: number): Promise<void> {
    if (following !== this.#following) return;
    this.#tell({ event: "batch", batch, following });
    this.#ahead++;
    if (this.#ahead < aheadMax) return;
    await new Promise<void>((resolve) => {
      this.#resume = resolve;
    });
  }

  /** Ends the wait of the call of `follow` before, whose batches count no more. */
  #nextFollowing(): number {
    this.#ahead = 0;
    this.#resume?.();
    this.#resume = undefined;
    return ++this.#following;
  }

  taken(following: number): void {
    if (following !== this.#following) return;
    this.#ahead--;
    if (this.#ahead >= aheadMax) return;
    this.#resume?.();
    this.#resume = undefined;
  }
}
