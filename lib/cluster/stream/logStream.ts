/**
 * The log as a stream. Each message is a batch in the bytes of a segment, or a part of one that is
 * larger than a message may be. A publication names the last sequence that it expects: if another
 * node has written since, nothing is stored.
 */
import type { Clock } from "../../time/clock.ts";
import type { PublishOutcome } from "../nats/publishOutcome.ts";
import type {
  BatchPosition,
  PublishRequest,
  StreamBatch,
  StreamEnd,
} from "../nats/threadMessages.ts";
import { BatchParts, digestOf, noBytes, partOf } from "./batchParts.ts";
import { Publication, type PublicationStep } from "./publication.ts";
import type { StreamAccess } from "./streamAccess.ts";

export class LogStream {
  readonly #access: StreamAccess;
  readonly #clock: Pick<Clock, "after" | "now">;
  /** How often following was begun or ended. */
  #following = 0;
  #stopFollowing: (() => void) | undefined;

  constructor(access: StreamAccess, clock: Pick<Clock, "after" | "now">) {
    this.#access = access;
    this.#clock = clock;
  }

  state(): Promise<{ first: number; last: number; replicas: number }> {
    return this.#access.state();
  }

  /**
   * Publishes a batch, and tries again until NATS answers. The result is `stored` or `refused` only
   * if that is certain.
   */
  async publish(request: PublishRequest): Promise<PublishOutcome> {
    const publication = new Publication(request, this.#access.partBytes, this.#clock.now());
    let step = publication.next(this.#clock.now());
    while (step.do !== "end") step = await this.#carryOut(publication, step);
    return step.outcome;
  }

  async #carryOut(
    publication: Publication,
    step: Exclude<PublicationStep, { do: "end" }>,
  ): Promise<PublicationStep> {
    switch (step.do) {
      case "publish": {
        const answer = await this.#access.publish(step.part);
        return publication.answered(answer, this.#clock.now());
      }
      case "read": {
        const found = await this.#access.read(step.position).catch(() => undefined);
        return publication.found(found?.id, this.#clock.now());
      }
      case "wait":
        await new Promise<void>((resolve) => this.#clock.after(step.ms, resolve));
        return publication.next(this.#clock.now());
      default:
        return step satisfies never;
    }
  }

  /** Returns the first entry of the stream, and the digest before it; undefined if it has none. */
  async origin(): Promise<{ sequence: number; digest: string } | undefined> {
    const { first, last } = await this.state();
    for (let at = first; at <= last; at++) {
      const message = await this.#access.read(at);
      if (message === undefined || message.first === 0 || partOf(message)[0] !== 1) continue;
      return { sequence: message.first, digest: message.previous };
    }
    return undefined;
  }

  /**
   * Returns the position of the batch that ends before an entry, and its digest. If the stream ends
   * there, the digest is that of its last batch.
   */
  async findBefore(entry: number): Promise<(BatchPosition & { digest: string }) | undefined> {
    const at = await this.#findFirst(entry);
    const { last } = await this.state();
    if (at <= last) {
      const next = await this.#access.read(at);
      if (next?.first !== entry) return undefined;
      return { position: at - 1, digest: next.previous };
    }
    const end = await this.#lastBatch(last);
    return end && { position: end.position, digest: digestOf(end.bytes) };
  }

  /** Returns the last entry of the stream. */
  async end(): Promise<StreamEnd | undefined> {
    const { last } = await this.state();
    const end = await this.#lastBatch(last);
    if (end === undefined) return undefined;
    const { bytes, position } = end;
    // As `log-format.md` describes it: the first entry, and how many there are.
    const header = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
    const sequence = Number(header.readBigUInt64LE(8)) + header.readUInt32LE(16) - 1;
    return { position, last, sequence, digest: digestOf(bytes) };
  }

  /**
   * Returns the first part of the last batch up to a position, and where that batch ends. What
   * follows it are parts of one that is not complete, or never will be.
   */
  async #lastBatch(last: number): Promise<StreamBatch | undefined> {
    for (let at = last; ; ) {
      const message = await this.#access.read(at);
      const [part, count] = partOf(message);
      if (message === undefined || count === 0) return undefined;
      if (part < count) at -= part;
      else {
        const first = count === 1 ? message : await this.#access.read(at - count + 1);
        return first && { position: at, bytes: first.data };
      }
    }
  }

  /** Returns the smallest position whose batch begins with this entry or later. */
  async #findFirst(entry: number): Promise<number> {
    const state = await this.state();
    let [low, high] = [state.first, state.last + 1];
    while (low < high) {
      const middle = Math.floor((low + high) / 2);
      const message = await this.#access.read(middle);
      if ((message?.first ?? 0) >= entry) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  /**
   * Hands on each batch after a position, in order, until `unfollow` or an error. A message that
   * completes no batch is handed on without bytes.
   *
   * @param take returns when the next batch may come
   */
  async follow(
    { position }: BatchPosition,
    take: (batch: StreamBatch) => Promise<void>,
    failed: (error: unknown) => void,
  ): Promise<void> {
    this.unfollow();
    const own = this.#following;
    const parts = new BatchParts();
    const stop = await this.#access.consume(
      position + 1,
      async (message) => {
        if (own !== this.#following) return;
        await take(parts.add(message) ?? { position: message.sequence, bytes: noBytes });
      },
      (error) => {
        if (own === this.#following) failed(error);
      },
    );
    // Another call has come meanwhile.
    if (own !== this.#following) return stop();
    this.#stopFollowing = stop;
  }

  unfollow(): void {
    this.#following++;
    this.#stopFollowing?.();
    this.#stopFollowing = undefined;
  }

  /** Removes what comes before the batch that begins with an entry. */
  async removeBefore(entry: number): Promise<void> {
    await this.#access.purge(await this.#findFirst(entry));
  }
}
