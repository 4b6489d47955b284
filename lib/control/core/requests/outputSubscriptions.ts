/**
 * Who watches which request's live output, and how much of it was asked for. Pure bookkeeping for
 * the core: what an agent sends beyond what a subscriber of its own request asked for is not passed
 * on.
 */
import type { ControlDraft } from "../../../protocol/wire/codec.ts";
import type { Output } from "../../../protocol/wire/message.ts";
import { outputCost } from "../../../protocol/wire/outputCost.ts";
import { hasHello, type Session } from "../agents/session.ts";
import type { OutputPayload, OutputSubscription } from "../model.ts";
import type { ControlTransition } from "../transition.ts";

/** With the last piece that was received, and whether its agent said that it was. */
type KnownSubscription = OutputSubscription & { last: number; isOver: boolean };

export class OutputSubscriptions {
  readonly #byId = new Map<number, KnownSubscription>();
  readonly #byRequest = new Map<string, Set<number>>();

  get size(): number {
    return this.#byId.size;
  }

  /**
   * A subscriber asks for more; this replaces what it asked for before. The agent is told now,
   * where
   * it is there and was sent the request, and with every later sending of the command.
   */
  subscribe(order: OutputSubscription, session: Session | undefined, t: ControlTransition): void {
    const { isOver } = this.#set(order);
    if (session === undefined || isOver) return;
    const { subscriptionId, after } = order;
    if (!session.isExtended) {
      t.perform({
        type: "forwardOutput",
        piece: { subscription_id: subscriptionId, sequence: after, end: true },
      });
    } else if (hasHello(session)) {
      const message = subscribeMessage(order);
      t.send(session.sessionId, message);
    }
  }

  #set(order: OutputSubscription): KnownSubscription {
    const { subscriptionId, requestId } = order;
    const known = this.#byId.get(subscriptionId);
    const last = Math.max(order.after, known?.last ?? 0);
    const kept = { ...order, last, isOver: known?.isOver ?? false };
    this.#byId.set(subscriptionId, kept);
    const subscribers = this.#byRequest.get(requestId) ?? new Set();
    this.#byRequest.set(requestId, subscribers.add(subscriptionId));
    return kept;
  }

  /** A subscriber goes. Its agent is told, or the program would wait until that is found out. */
  unsubscribe(
    subscriber: number,
    sessionOf: (order: OutputSubscription) => Session | undefined,
    t: ControlTransition,
  ): void {
    const order = this.#byId.get(subscriber);
    if (order === undefined) return;
    this.#byId.delete(subscriber);
    const subscribers = this.#byRequest.get(order.requestId);
    subscribers?.delete(subscriber);
    if (subscribers?.size === 0) this.#byRequest.delete(order.requestId);
    const session = order.isOver ? undefined : sessionOf(order);
    if (!session?.isExtended || !hasHello(session)) return;
    const message = subscribeMessage(
      { ...order, after: order.last, bytes: 0 },
      { unsubscribe: true },
    );
    t.send(session.sessionId, message);
  }

  /** What the agent of a request is to be told anew: to go on behind what was received. */
  messagesFor(requestId: string): ControlDraft[] {
    return [...(this.#byRequest.get(requestId) ?? [])].flatMap((subscriber) => {
      const order = this.#byId.get(subscriber);
      if (order === undefined || order.isOver) return [];
      const { last: after, bytesLeft } = order;
      return [subscribeMessage({ ...order, after, bytes: Math.max(0, bytesLeft) })];
    });
  }

  /** Whether an agent's piece is one that its subscriber asked for. */
  accept(agentId: string, { request_id, payload }: Output): boolean {
    const order = this.#byId.get(payload.subscription_id);
    const isTheirs = order?.agentId === agentId && order.requestId === request_id;
    if (order === undefined || !isTheirs) return false;
    // There is one end, and no piece of nothing: neither may be said any number of times.
    if (order.isOver || (isEmpty(payload) && !payload.end && !payload.skipped)) return false;
    const isNew = payload.sequence > order.last && order.bytesLeft > 0;
    if (!isNew && payload.end !== true) return false;
    order.bytesLeft -= outputCredit(payload);
    order.last = payload.sequence;
    if (payload.end) order.isOver = true;
    return true;
  }
}

/** What a piece takes of what its subscriber asked for. */
export function outputCredit({ text, base64 }: OutputPayload): number {
  const encoded = base64 ?? "";
  return outputCost(
    text === undefined ? Buffer.byteLength(encoded, "base64") : Buffer.byteLength(text),
  );
}

function isEmpty({ text, base64 }: OutputPayload): boolean {
  return (text ?? base64 ?? "") === "";
}

function subscribeMessage(
  order: OutputSubscription,
  more: { unsubscribe?: true } = {},
): ControlDraft {
  const { subscriptionId, after, bytes } = order;
  return {
    type: "subscribe_output",
    request_id: order.requestId,
    payload: { subscription_id: subscriptionId, after, bytes, ...more },
  };
}
