/**
 * Who watches which request's live output, and how much of it was asked for. Pure bookkeeping for
 * the core: what an agent sends beyond what a watcher of its own request asked for is not passed
 * on.
 */
import type { ControlDraft } from "../../../protocol/wire/codec.ts";
import type { Output } from "../../../protocol/wire/message.ts";
import { outputCost } from "../../../protocol/wire/outputCost.ts";
import { isIntroduced, type Session } from "../agents/session.ts";
import type { FollowOrder, OutputPiece } from "../model.ts";
import type { ControlTransition } from "../transition.ts";

/** With the last piece that was received, and whether its agent said that it was. */
type Known = FollowOrder & { last: number; isOver: boolean };

export class Follows {
  readonly #byWatcher = new Map<number, Known>();
  readonly #byRequest = new Map<string, Set<number>>();

  get size(): number {
    return this.#byWatcher.size;
  }

  /**
   * A watcher asks for more; this replaces what it asked for before. The agent is told now, where
   * it is there and was sent the request, and with every later sending of the command.
   */
  ask(order: FollowOrder, session: Session | undefined, t: ControlTransition): void {
    const { isOver } = this.#set(order);
    if (session === undefined || isOver) return;
    const { watcher, after } = order;
    if (!session.v1) {
      t.perform({ type: "output", piece: { watcher, sequence: after, end: true } });
    } else if (isIntroduced(session)) {
      const message = followMessage(order);
      t.send(session.sessionId, message);
    }
  }

  #set(order: FollowOrder): Known {
    const { watcher, requestId } = order;
    const known = this.#byWatcher.get(watcher);
    const last = Math.max(order.after, known?.last ?? 0);
    const kept = { ...order, last, isOver: known?.isOver ?? false };
    this.#byWatcher.set(watcher, kept);
    const watchers = this.#byRequest.get(requestId) ?? new Set();
    this.#byRequest.set(requestId, watchers.add(watcher));
    return kept;
  }

  /** A watcher goes. Its agent is told, or the program would wait until that is found out. */
  leave(
    watcher: number,
    sessionOf: (order: FollowOrder) => Session | undefined,
    t: ControlTransition,
  ): void {
    const order = this.#byWatcher.get(watcher);
    if (order === undefined) return;
    this.#byWatcher.delete(watcher);
    const watchers = this.#byRequest.get(order.requestId);
    watchers?.delete(watcher);
    if (watchers?.size === 0) this.#byRequest.delete(order.requestId);
    const session = order.isOver ? undefined : sessionOf(order);
    if (!session?.v1 || !isIntroduced(session)) return;
    const message = followMessage({ ...order, after: order.last, bytes: 0 }, { end: true });
    t.send(session.sessionId, message);
  }

  /** What the agent of a request is to be told anew: to go on behind what was received. */
  messagesFor(requestId: string): ControlDraft[] {
    return [...(this.#byRequest.get(requestId) ?? [])].flatMap((watcher) => {
      const order = this.#byWatcher.get(watcher);
      if (order === undefined || order.isOver) return [];
      const { last: after, bytesLeft } = order;
      return [followMessage({ ...order, after, bytes: Math.max(0, bytesLeft) })];
    });
  }

  /** Whether an agent's piece is one that its watcher asked for. */
  take(agentId: string, { request_id, payload }: Output): boolean {
    const order = this.#byWatcher.get(payload.watcher);
    const isTheirs = order?.agentId === agentId && order.requestId === request_id;
    if (order === undefined || !isTheirs) return false;
    // There is one end, and no piece of nothing: neither may be said any number of times.
    if (order.isOver || (isEmpty(payload) && !payload.end && !payload.skipped)) return false;
    const isNew = payload.sequence > order.last && order.bytesLeft > 0;
    if (!isNew && payload.end !== true) return false;
    order.bytesLeft -= costOf(payload);
    order.last = payload.sequence;
    if (payload.end) order.isOver = true;
    return true;
  }
}

/** What a piece takes of what its watcher asked for. */
export function costOf({ text, base64 }: OutputPiece): number {
  const encoded = base64 ?? "";
  return outputCost(
    text === undefined ? Buffer.byteLength(encoded, "base64") : Buffer.byteLength(text),
  );
}

function isEmpty({ text, base64 }: OutputPiece): boolean {
  return (text ?? base64 ?? "") === "";
}

function followMessage(order: FollowOrder, more: { end?: true } = {}): ControlDraft {
  const { watcher, after, bytes } = order;
  return {
    type: "follow",
    request_id: order.requestId,
    payload: { watcher, after, bytes, ...more },
  };
}
