/**
 * The subscribers of programs' output. Each gets chunks from the program's spool, as many as it
 * requested, at its own pace. Chunks that are not written yet are forwarded when they are.
 */
import { existsSync } from "node:fs";
import type { FaultGuard } from "../../../log/faultGuard.ts";
import { subscriptionLeaseMs, subscriptionsPerRequestMax } from "../../../protocol/limits.ts";
import { outputCost } from "../../../protocol/wire/outputCost.ts";
import type { OutputPiece, OutputSubscription } from "../../core/model.ts";
import { type OutputChunk, SpoolReader } from "./outputSpool.ts";

/** The parts of a run that subscribers need. */
export interface OutputSource {
  dir: string;
  /** The sequence of the last chunk, if the program has ended; `unknown` without a record. */
  last: number | "unknown" | undefined;
  /**
   * Requests a notification of more output from the supervisor, and reports the slowest subscriber.
   */
  onDrained(taken: number, seen: number): void;
  /** There are no more subscribers: the program need not wait. */
  release(): void;
  /** Records that the run has a subscriber, which may subscribe again after a disconnect. */
  onSubscribed(): void;
}

type Emit = (piece: OutputPiece) => void;

interface Subscriber {
  subscription: OutputSubscription;
  /** Chunks up to this sequence were sent. */
  seen: number;
  /** Chunks that were sent, and that the subscriber has not confirmed. */
  sent: { sequence: number; cost: number }[];
  bytesLeft: number;
  isNoted: boolean;
  reader: SpoolReader;
  emit: Emit;
  lease: NodeJS.Timeout;
}

export class OutputSubscribers {
  readonly #findSource: (requestId: string) => OutputSource;
  readonly #guard: FaultGuard;
  readonly #subscribers = new Map<string, Map<number, Subscriber>>();

  constructor(runOf: (requestId: string) => OutputSource, guard: FaultGuard) {
    this.#findSource = runOf;
    this.#guard = guard;
  }

  has(requestId: string): boolean {
    return this.#subscribers.has(requestId);
  }

  /** A subscriber requests more output, or confirms that it is still present. */
  subscribe(subscription: OutputSubscription, emit: Emit): void {
    const { requestId, subscriptionId, after, bytes } = subscription;
    const run = this.#findSource(requestId);
    if (subscription.program !== "open" && !existsSync(run.dir)) {
      return emit(
        subscription.program === "ended"
          ? buildCut(subscription, after)
          : buildEnd(subscription, after, 0),
      );
    }
    const subscribers = this.#subscribers.get(requestId) ?? new Map<number, Subscriber>();
    const known = subscribers.get(subscriptionId);
    if (known === undefined && subscribers.size >= subscriptionsPerRequestMax) {
      return emit(buildCut(subscription, after));
    }
    clearTimeout(known?.lease);
    const lease = setTimeout(
      () => this.onUnsubscribe(requestId, subscriptionId),
      subscriptionLeaseMs,
    );
    const reader = known?.reader ?? new SpoolReader(run.dir);
    const seen = Math.max(after, known?.seen ?? 0);
    const sent = (known?.sent ?? []).filter(({ sequence }) => sequence > after);
    const bytesLeft = sent.reduce((left, piece) => left - piece.cost, bytes);
    this.#subscribers.set(requestId, subscribers);
    subscribers.set(subscriptionId, {
      ...{ subscription, seen, sent, bytesLeft, reader, emit, lease },
      isNoted: known?.isNoted ?? false,
    });
    this.onOutput(requestId);
  }

  /**
   * Sends new output, or the end of the program. Output that cannot be read now is read at the
   * subscriber's next request.
   */
  onOutput(requestId: string): void {
    const subscribers = this.#subscribers.get(requestId);
    if (subscribers === undefined) return;
    this.#guard.attempt("forward the output of a program", () =>
      this.#pass(requestId, subscribers),
    );
  }

  #pass(requestId: string, subscribers: Map<number, Subscriber>): void {
    const run = this.#findSource(requestId);
    // This is read before the spool, which is then complete.
    const { last } = run;
    if (existsSync(run.dir)) {
      for (const subscriber of subscribers.values()) {
        if (!subscriber.isNoted) run.onSubscribed();
        subscriber.isNoted = true;
        this.#send(subscriber, last);
      }
    }
    if (subscribers.size === 0) return;
    const all = [...subscribers.values()];
    const hungry = all.filter(({ bytesLeft }) => bytesLeft > 0);
    // No notification is necessary if no subscriber requests more.
    const seen = Math.min(Number.MAX_SAFE_INTEGER, ...hungry.map((each) => each.seen));
    run.onDrained(Math.min(...all.map(({ subscription }) => subscription.after)), seen);
  }

  /** The program did not start, or the files of its run are deleted. */
  onClosed(requestId: string): void {
    for (const { subscription, seen, isNoted, emit } of this.#subscribers
      .get(requestId)
      ?.values() ?? []) {
      emit(isNoted ? buildCut(subscription, seen) : buildEnd(subscription, seen, 0));
      this.#unsubscribe(requestId, subscription.subscriptionId);
    }
  }

  /**
   * A subscriber has left or is silent: the program no longer waits for it. Returns false if its
   * subscription had already ended.
   */
  onUnsubscribe(requestId: string, subscriber: number): boolean {
    if (!this.#subscribers.get(requestId)?.has(subscriber)) return false;
    this.#unsubscribe(requestId, subscriber);
    if (this.has(requestId)) this.onOutput(requestId);
    else this.#findSource(requestId).release();
    return true;
  }

  /** The connection of the subscribers is lost; they subscribe again after a reconnect. */
  onDisconnect(): void {
    for (const [requestId, subscribers] of this.#subscribers) {
      for (const subscriber of subscribers.keys()) this.#unsubscribe(requestId, subscriber);
    }
  }

  #send(subscriber: Subscriber, last: OutputSource["last"]): void {
    const { subscription, reader, emit } = subscriber;
    while (subscriber.bytesLeft > 0) {
      const pieces = reader.read(subscriber.seen, subscriber.bytesLeft);
      for (const piece of pieces) {
        subscriber.seen = piece.sequence;
        const cost = outputCost(piece.bytes.length);
        subscriber.bytesLeft -= cost;
        subscriber.sent.push({ sequence: piece.sequence, cost });
        emit(buildOutput(subscription, piece));
      }
      if (pieces.length > 0) continue;
      if (last === undefined) return;
      const { seen } = subscriber;
      if (last === "unknown") emit(buildCut(subscription, seen));
      else emit(buildEnd(subscription, last, Math.max(0, last - seen)));
      return this.#unsubscribe(subscription.requestId, subscription.subscriptionId);
    }
  }

  #unsubscribe(requestId: string, subscriber: number): void {
    const subscribers = this.#subscribers.get(requestId);
    clearTimeout(subscribers?.get(subscriber)?.lease);
    subscribers?.delete(subscriber);
    if (subscribers?.size === 0) this.#subscribers.delete(requestId);
  }
}

function buildOutput(
  subscription: OutputSubscription,
  { sequence, stream, bytes, skipped }: OutputChunk,
): OutputPiece {
  const { requestId, subscriptionId } = subscription;
  return {
    requestId,
    subscription_id: subscriptionId,
    sequence,
    stream,
    bytes,
    ...(skipped > 0 ? { skipped } : {}),
  };
}

function buildEnd(
  { requestId, subscriptionId }: OutputSubscription,
  sequence: number,
  skipped: number,
): OutputPiece {
  return {
    requestId,
    subscription_id: subscriptionId,
    sequence,
    end: true,
    ...(skipped > 0 ? { skipped } : {}),
  };
}

/** The end of a subscription whose output exists no longer, or cannot be read. */
function buildCut(subscription: OutputSubscription, sequence: number): OutputPiece {
  return { ...buildEnd(subscription, sequence, 0), incomplete: true };
}
