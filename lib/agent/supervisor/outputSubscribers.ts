/**
 * Who follows the output of programs: each watcher is sent pieces from the program's spool, as much
 * as it asked for, at its own pace; what is asked for and not yet written is passed on as it comes.
 */
import { isUtf8 } from "node:buffer";
import { existsSync } from "node:fs";
import type { Aside } from "../../log/faultGuard.ts";
import {
  followLeaseMs,
  outputRecordBytesMax,
  watchersPerRequestMax,
} from "../../protocol/limits.ts";
import { outputCost } from "../../protocol/wire/outputCost.ts";
import type { FollowOrder, OutputPiece } from "../core/model.ts";
import { type Piece, SpoolReader } from "./outputSpool.ts";

/** What followers need to know of a run. */
export interface Followed {
  dir: string;
  /** The number of the last piece, once the program has ended. */
  last: number | undefined;
  /** Asks the supervisor to tell of more, and to wait for who lags behind. */
  hasRead(taken: number, seen: number): void;
  /** Nobody follows any more: the program need not wait. */
  free(): void;
  /** Notes that it is followed: it may be asked for again after a break. */
  followed(): void;
}

/** A piece in a message, which has a few hundred bytes beside it. */
const textJsonBytesMax = 2 * outputRecordBytesMax;
/** Six bytes of JSON each; all others take two at the most. */
const longEscaped = /[\0-\x07\x0b\x0e-\x1f]/;

type Emit = (piece: OutputPiece) => void;

interface Watcher {
  order: FollowOrder;
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

export class Followers {
  readonly #runOf: (requestId: string) => Followed;
  readonly #aside: Aside;
  readonly #watchers = new Map<string, Map<number, Watcher>>();

  constructor(runOf: (requestId: string) => Followed, aside: Aside) {
    this.#runOf = runOf;
    this.#aside = aside;
  }

  has(requestId: string): boolean {
    return this.#watchers.has(requestId);
  }

  /** A watcher asks for more, or says that it is still there. */
  follow(order: FollowOrder, emit: Emit): void {
    const { requestId, watcher, after, bytes } = order;
    const run = this.#runOf(requestId);
    if (!order.isPending && !existsSync(run.dir)) return emit(endOf(order, after, 0));
    const watchers = this.#watchers.get(requestId) ?? new Map<number, Watcher>();
    const known = watchers.get(watcher);
    if (known === undefined && watchers.size >= watchersPerRequestMax) {
      return emit(endOf(order, after, 0));
    }
    clearTimeout(known?.lease);
    const lease = setTimeout(() => this.left(requestId, watcher), followLeaseMs);
    const reader = known?.reader ?? new SpoolReader(run.dir);
    const seen = Math.max(after, known?.seen ?? 0);
    const sent = (known?.sent ?? []).filter(({ sequence }) => sequence > after);
    const bytesLeft = sent.reduce((left, piece) => left - piece.cost, bytes);
    this.#watchers.set(requestId, watchers);
    watchers.set(watcher, {
      ...{ order, seen, sent, bytesLeft, reader, emit, lease },
      isNoted: known?.isNoted ?? false,
    });
    this.wrote(requestId);
  }

  /**
   * There may be more to send, or the program has ended. What cannot be read now is read when the
   * watcher asks again.
   */
  wrote(requestId: string): void {
    const watchers = this.#watchers.get(requestId);
    if (watchers === undefined) return;
    this.#aside.attempt("pass on what a program writes", () => this.#pass(requestId, watchers));
  }

  #pass(requestId: string, watchers: Map<number, Watcher>): void {
    const run = this.#runOf(requestId);
    // The end first: what is in the spool then is all there ever will be.
    const { last } = run;
    if (existsSync(run.dir)) {
      for (const watcher of watchers.values()) {
        if (!watcher.isNoted) run.followed();
        watcher.isNoted = true;
        this.#send(watcher, last);
      }
    }
    if (watchers.size === 0) return;
    const all = [...watchers.values()];
    const hungry = all.filter(({ bytesLeft }) => bytesLeft > 0);
    // Where nobody wants more, nobody needs to be told of more.
    const seen = Math.min(Number.MAX_SAFE_INTEGER, ...hungry.map((each) => each.seen));
    run.hasRead(Math.min(...all.map(({ order }) => order.after)), seen);
  }

  /** It will never be begun, or what it left is gone. */
  gone(requestId: string): void {
    for (const { order, seen, emit } of this.#watchers.get(requestId)?.values() ?? []) {
      emit(endOf(order, seen, 0));
      this.#leave(requestId, order.watcher);
    }
  }

  /** A watcher has left, or has fallen silent: who is still there no longer waits for it. */
  left(requestId: string, watcher: number): void {
    if (!this.#watchers.get(requestId)?.has(watcher)) return;
    this.#leave(requestId, watcher);
    if (this.has(requestId)) this.wrote(requestId);
    else this.#runOf(requestId).free();
  }

  /** The connection over which they followed is lost; who is still interested asks again. */
  unlink(): void {
    for (const [requestId, watchers] of this.#watchers) {
      for (const watcher of watchers.keys()) this.#leave(requestId, watcher);
    }
  }

  #send(watcher: Watcher, last: number | undefined): void {
    const { order, reader, emit } = watcher;
    while (watcher.bytesLeft > 0) {
      const pieces = reader.read(watcher.seen, watcher.bytesLeft);
      for (const piece of pieces) {
        watcher.seen = piece.sequence;
        const cost = outputCost(piece.bytes.length);
        watcher.bytesLeft -= cost;
        watcher.sent.push({ sequence: piece.sequence, cost });
        emit(outputOf(order, piece));
      }
      if (pieces.length > 0) continue;
      if (last === undefined) return;
      emit(endOf(order, last, Math.max(0, last - watcher.seen)));
      return this.#leave(order.requestId, order.watcher);
    }
  }

  #leave(requestId: string, watcher: number): void {
    const watchers = this.#watchers.get(requestId);
    clearTimeout(watchers?.get(watcher)?.lease);
    watchers?.delete(watcher);
    if (watchers?.size === 0) this.#watchers.delete(requestId);
  }
}

function outputOf(order: FollowOrder, { sequence, stream, bytes, skipped }: Piece): OutputPiece {
  const { requestId, watcher } = order;
  const text = textOf(bytes);
  const content = text === undefined ? { base64: bytes.toString("base64") } : { text };
  return { requestId, watcher, sequence, stream, ...content, ...(skipped > 0 ? { skipped } : {}) };
}

/**
 * Undefined for what travels as bytes: no UTF-8, which is not to have characters put in its place,
 * and so many control characters that, escaped, they would not fit a message.
 */
function textOf(bytes: Buffer): string | undefined {
  if (!isUtf8(bytes)) return undefined;
  const text = bytes.toString("utf8");
  const isPlain = bytes.length * 6 <= textJsonBytesMax || !longEscaped.test(text);
  const jsonBytes = () => Buffer.byteLength(JSON.stringify(text));
  return isPlain || jsonBytes() <= textJsonBytesMax ? text : undefined;
}

function endOf({ requestId, watcher }: FollowOrder, sequence: number, skipped: number) {
  return { requestId, watcher, sequence, end: true, ...(skipped > 0 ? { skipped } : {}) };
}
