/** What the log needs of a stream. JetStream implements it, and so does the simulator. */
import type { StreamMessage } from "./batchParts.ts";
import type { Part, PublishAnswer } from "./publication.ts";

export interface StreamAccess {
  /** How much of a batch fits into one message. */
  readonly partBytes: number;
  state(): Promise<{ first: number; last: number; replicas: number }>;
  publish(part: Part): Promise<PublishAnswer>;
  read(sequence: number): Promise<StreamMessage | undefined>;
  /**
   * Hands on every message from a sequence on, in order, one at a time.
   *
   * @param take returns when the next one may come
   * @param ended called once if no more come, unless the caller has stopped
   * @returns what stops it
   */
  consume(
    from: number,
    take: (message: StreamMessage) => Promise<void>,
    ended: (error: unknown) => void,
  ): Promise<() => void>;
  /** Removes the messages before a sequence. */
  purge(before: number): Promise<void>;
}
