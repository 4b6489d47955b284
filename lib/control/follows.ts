/**
 * Who watches which request's live output, and how much of it was asked for. Pure bookkeeping for
 * the core: what an agent sends beyond what a watcher of its own request asked for is not passed
 * on.
 */
import type { ControlDraft } from "../protocol/codec.ts";
import type { Output } from "../protocol/message.ts";
import type { ControlStep, FollowOrder, OutputPiece } from "./records.ts";
import { isIntroduced, type Session } from "./session.ts";

export class Follows {
  /** With the last piece that was received for each, and whether its agent said that it was. */
  readonly #byWatcher = new Map<number, FollowOrder & { last: number; isOver: boolean }>();
  readonly #byRequest = new Map<string, Set<number>>();

  get size(): number {
    return this.#byWatcher.size;
  }

  /**
   * A watcher asks for more; this replaces what it asked for before. The agent is told now, where
   * it is there and was sent the request, and with every later sending of the command.
   */
  ask(order: FollowOrder, session: Session | undefined, step: ControlStep): void {
    this.#set(order);
    if (session === undefined) return;
    const { watcher, after } = order;
    if (!session.v1) {
      step.effects.push({ type: "output", piece: { watcher, sequence: after, end: true } });
    } else if (isIntroduced(session)) {
      const message = followMessage(order);
      step.effects.push({ type: "send", sessionId: session.sessionId, message });
    }
  }

  #set(order: FollowOrder): void {
    const { watcher, requestId } = order;
    const known = this.#byWatcher.get(watcher);
    const last = Math.max(order.after, known?.last ?? 0);
    this.#byWatcher.set(watcher, { ...order, last, isOver: known?.isOver ?? false });
    const watchers = this.#byRequest.get(requestId) ?? new Set();
    this.#byRequest.set(requestId, watchers.add(watcher));
  }

  /** A watcher goes. Its agent is told, or the program would wait until that is found out. */
  leave(
    watcher: number,
    sessionOf: (order: FollowOrder) => Session | undefined,
    step: ControlStep,
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
    step.effects.push({ type: "send", sessionId: session.sessionId, message });
  }

  /** What the agent of a request is to be told anew: to go on behind what was received. */
  messagesFor(requestId: string): ControlDraft[] {
    return [...(this.#byRequest.get(requestId) ?? [])].flatMap((watcher) => {
      const order = this.#byWatcher.get(watcher);
      if (order === undefined) return [];
      const { last: after, bytesLeft } = order;
      return [followMessage({ ...order, after, bytes: Math.max(0, bytesLeft) })];
    });
  }

  /** Whether an agent's piece is one that its watcher asked for. */
  take(agentId: string, { request_id, payload }: Output): boolean {
    const order = this.#byWatcher.get(payload.watcher);
    const isTheirs = order?.agentId === agentId && order.requestId === request_id;
    if (order === undefined || !isTheirs) return false;
    const isNew = payload.sequence > order.last && order.bytesLeft > 0;
    if (!isNew && payload.end !== true) return false;
    order.bytesLeft -= bytesOf(payload);
    order.last = payload.sequence;
    if (payload.end) order.isOver = true;
    return true;
  }
}

/** The bytes of a piece, which is what credit is counted in. */
export function bytesOf({ text, base64 }: OutputPiece): number {
  return text === undefined ? Buffer.byteLength(base64 ?? "", "base64") : Buffer.byteLength(text);
}

function followMessage(order: FollowOrder, more: { end?: true } = {}): ControlDraft {
  const { watcher, after, bytes } = order;
  return {
    type: "follow",
    request_id: order.requestId,
    payload: { watcher, after, bytes, ...more },
  };
}
