/**
 * Live output of commands inside the agent's process, in memory: numbered pieces for subscribers,
 * who ask for as many bytes as they can take. The oldest pieces are dropped, and a gap is marked.
 */
import { outputChunkBytesMax } from "../../protocol/limits.ts";
import { outputCost } from "../../protocol/wire/outputCost.ts";
import type { StreamName } from "../../protocol/wire/outputFrame.ts";
import type { OutputPiece, OutputSubscription, SubscriptionRef } from "../core/model.ts";

type Emit = (piece: OutputPiece) => void;

interface Piece {
  sequence: number;
  stream: StreamName;
  bytes: Buffer;
  cost: number;
}

interface Run {
  pieces: Piece[];
  bytes: number;
  last: number;
  hasEnded: boolean;
  subscribers: Map<
    number,
    { subscription: OutputSubscription; seen: number; left: number; emit: Emit }
  >;
}

const runBytesMax = 256 * 1024;
/** The number of ended commands whose output is kept. */
const endedMax = 64;
/** Characters of a piece, each of which takes at most three bytes. */
const pieceCharsMax = Math.floor(outputChunkBytesMax / 3);

export class LiveOutput {
  readonly #runs = new Map<string, Run>();

  begin(requestId: string): void {
    const subscribers = this.#runs.get(requestId)?.subscribers ?? new Map();
    this.#runs.set(requestId, { pieces: [], bytes: 0, last: 0, hasEnded: false, subscribers });
  }

  write(requestId: string, text: string, stream: StreamName): void {
    const run = this.#runs.get(requestId);
    if (run === undefined || run.hasEnded) return;
    for (let at = 0; at < text.length; at += pieceCharsMax) {
      const bytes = Buffer.from(text.slice(at, at + pieceCharsMax));
      const cost = outputCost(bytes.length);
      run.pieces.push({ sequence: ++run.last, stream, bytes, cost });
      run.bytes += cost;
    }
    this.#forward(run);
    while (run.bytes > runBytesMax) run.bytes -= run.pieces.shift()?.cost ?? run.bytes;
  }

  end(requestId: string): void {
    const run = this.#runs.get(requestId);
    if (run === undefined) return;
    run.hasEnded = true;
    this.#forward(run);
    const ended = [...this.#runs].filter(([, each]) => each.hasEnded);
    for (const [id] of ended.slice(0, Math.max(0, ended.length - endedMax))) this.#runs.delete(id);
  }

  subscribe(subscription: OutputSubscription, emit: Emit): void {
    const { requestId, subscriptionId, after, bytes, program } = subscription;
    let run = this.#runs.get(requestId);
    if (run === undefined && program === "open") {
      this.begin(requestId);
      run = this.#runs.get(requestId);
    }
    if (run === undefined) {
      const cut = program === "ended" ? { incomplete: true as const } : {};
      return emit({ ...named(subscription), sequence: after, end: true, ...cut });
    }
    const seen = Math.max(after, run.subscribers.get(subscriptionId)?.seen ?? 0);
    const sent = run.pieces.filter(({ sequence }) => sequence > after && sequence <= seen);
    const left = sent.reduce((rest, piece) => rest - piece.cost, bytes);
    run.subscribers.set(subscriptionId, { subscription, seen, left, emit });
    this.#forward(run);
  }

  /** Ends one subscription, or all of them if the connection is lost. */
  unsubscribe(left?: SubscriptionRef): void {
    if (left !== undefined) {
      this.#runs.get(left.requestId)?.subscribers.delete(left.subscriptionId);
      return;
    }
    for (const run of this.#runs.values()) run.subscribers.clear();
  }

  #forward(run: Run): void {
    for (const [id, subscriber] of run.subscribers) {
      const { subscription, emit } = subscriber;
      for (const piece of run.pieces) {
        if (piece.sequence <= subscriber.seen) continue;
        if (subscriber.left <= 0) break;
        const { sequence, stream, bytes, cost } = piece;
        const skipped = sequence - subscriber.seen - 1;
        subscriber.seen = sequence;
        subscriber.left -= cost;
        emit({
          ...named(subscription),
          sequence,
          stream,
          bytes,
          ...(skipped > 0 ? { skipped } : {}),
        });
      }
      if (!run.hasEnded || subscriber.seen < run.last) continue;
      emit({ ...named(subscription), sequence: run.last, end: true });
      run.subscribers.delete(id);
    }
  }
}

function named({ requestId, subscriptionId }: OutputSubscription) {
  return { requestId, subscription_id: subscriptionId };
}
