/**
 * Who follows the output of programs: each subscriber is sent pieces from the program's spool, as
 * much
 * as it asked for, at its own pace; what is asked for and not yet written is passed on as it comes.
 */
import { isUtf8 } from "node:buffer";
import { existsSync } from "node:fs";
import type { FaultGuard } from "../../log/faultGuard.ts";
import {
  outputChunkBytesMax,
  subscriptionLeaseMs,
  subscriptionsPerRequestMax,
} from "../../protocol/limits.ts";
import { outputCost } from "../../protocol/wire/outputCost.ts";
import type { OutputPiece, OutputSubscription } from "../core/model.ts";
import { type OutputChunk, SpoolReader } from "./outputSpool.ts";

/** What followers need to know of a run. */
export interface OutputSource {
  dir: string;
  /** The number of the last piece, once the program has ended. */
  last: number | undefined;
  /** Asks the supervisor to tell of more, and to wait for who lags behind. */
  onDrained(taken: number, seen: number): void;
  /** Nobody follows any more: the program need not wait. */
  release(): void;
  /** Notes that it is followed: it may be asked for again after a break. */
  onSubscribed(): void;
}

/** A piece in a message, which has a few hundred bytes beside it. */
const textJsonBytesMax = 2 * outputChunkBytesMax;
/** Six bytes of JSON each; all others take two at the most. */
const longEscaped = /[\0-\x07\x0b\x0e-\x1f]/;

type Emit = (piece: OutputPiece) => void;

interface Subscriber {
  order: OutputSubscription;
  /** Sent up to this piece. */
  seen: number;
  /** Sent and not known to be taken. */
  sent: { sequence: number; cost: number }[];
  bytesLeft: number;
  isNoted: boolean;
  reader: SpoolReader;
  emit: Emit;
  lease: NodeJS.Timeout;
}

export class OutputSubscribers {
  readonly #findSource: (requestId: string) => OutputSource;
  readonly #aside: FaultGuard;
  readonly #subscribers = new Map<string, Map<number, Subscriber>>();

  constructor(runOf: (requestId: string) => OutputSource, aside: FaultGuard) {
    this.#findSource = runOf;
    this.#aside = aside;
  }

  has(requestId: string): boolean {
    return this.#subscribers.has(requestId);
  }

  /** A subscriber asks for more, or says that it is still there. */
  subscribe(order: OutputSubscription, emit: Emit): void {
    const { requestId, subscriptionId, after, bytes } = order;
    const run = this.#findSource(requestId);
    if (!order.isPending && !existsSync(run.dir)) return emit(buildEnd(order, after, 0));
    const subscribers = this.#subscribers.get(requestId) ?? new Map<number, Subscriber>();
    const known = subscribers.get(subscriptionId);
    if (known === undefined && subscribers.size >= subscriptionsPerRequestMax) {
      return emit(buildEnd(order, after, 0));
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
      ...{ order, seen, sent, bytesLeft, reader, emit, lease },
      isNoted: known?.isNoted ?? false,
    });
    this.onOutput(requestId);
  }

  /**
   * There may be more to send, or the program has ended. What cannot be read now is read when the
   * subscriber asks again.
   */
  onOutput(requestId: string): void {
    const subscribers = this.#subscribers.get(requestId);
    if (subscribers === undefined) return;
    this.#aside.attempt("pass on what a program writes", () => this.#pass(requestId, subscribers));
  }

  #pass(requestId: string, subscribers: Map<number, Subscriber>): void {
    const run = this.#findSource(requestId);
    // The end first: what is in the spool then is all there ever will be.
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
    // Where nobody wants more, nobody needs to be told of more.
    const seen = Math.min(Number.MAX_SAFE_INTEGER, ...hungry.map((each) => each.seen));
    run.onDrained(Math.min(...all.map(({ order }) => order.after)), seen);
  }

  /** It will never be begun, or what it left is gone. */
  onClosed(requestId: string): void {
    for (const { order, seen, emit } of this.#subscribers.get(requestId)?.values() ?? []) {
      emit(buildEnd(order, seen, 0));
      this.#unsubscribe(requestId, order.subscriptionId);
    }
  }

  /** A subscriber has left, or has fallen silent: who is still there no longer waits for it. */
  onUnsubscribe(requestId: string, subscriber: number): void {
    if (!this.#subscribers.get(requestId)?.has(subscriber)) return;
    this.#unsubscribe(requestId, subscriber);
    if (this.has(requestId)) this.onOutput(requestId);
    else this.#findSource(requestId).release();
  }

  /** The connection over which they followed is lost; who is still interested asks again. */
  onDisconnect(): void {
    for (const [requestId, subscribers] of this.#subscribers) {
      for (const subscriber of subscribers.keys()) this.#unsubscribe(requestId, subscriber);
    }
  }

  #send(subscriber: Subscriber, last: number | undefined): void {
    const { order, reader, emit } = subscriber;
    while (subscriber.bytesLeft > 0) {
      const pieces = reader.read(subscriber.seen, subscriber.bytesLeft);
      for (const piece of pieces) {
        subscriber.seen = piece.sequence;
        const cost = outputCost(piece.bytes.length);
        subscriber.bytesLeft -= cost;
        subscriber.sent.push({ sequence: piece.sequence, cost });
        emit(buildOutput(order, piece));
      }
      if (pieces.length > 0) continue;
      if (last === undefined) return;
      emit(buildEnd(order, last, Math.max(0, last - subscriber.seen)));
      return this.#unsubscribe(order.requestId, order.subscriptionId);
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
  order: OutputSubscription,
  { sequence, stream, bytes, skipped }: OutputChunk,
): OutputPiece {
  const { requestId, subscriptionId } = order;
  const text = decodeText(bytes);
  const content = text === undefined ? { base64: bytes.toString("base64") } : { text };
  return {
    requestId,
    subscription_id: subscriptionId,
    sequence,
    stream,
    ...content,
    ...(skipped > 0 ? { skipped } : {}),
  };
}

/**
 * Undefined for what travels as bytes: no UTF-8, which is not to have characters put in its place,
 * and so many control characters that, escaped, they would not fit a message.
 */
function decodeText(bytes: Buffer): string | undefined {
  if (!isUtf8(bytes)) return undefined;
  const text = bytes.toString("utf8");
  const isPlain = bytes.length * 6 <= textJsonBytesMax || !longEscaped.test(text);
  const jsonBytes = () => Buffer.byteLength(JSON.stringify(text));
  return isPlain || jsonBytes() <= textJsonBytesMax ? text : undefined;
}

function buildEnd(
  { requestId, subscriptionId }: OutputSubscription,
  sequence: number,
  skipped: number,
) {
  return {
    requestId,
    subscription_id: subscriptionId,
    sequence,
    end: true,
    ...(skipped > 0 ? { skipped } : {}),
  };
}
