/**
 * Tracks which subscriber reads which request's live output and how many bytes it requested. Output
 * that no subscriber of the request requested is not forwarded.
 */
import type { ControlDraft } from "../../../protocol/wire/codec.ts";
import { outputCost } from "../../../protocol/wire/outputCost.ts";
import type { Output, OutputPayload } from "../../../protocol/wire/outputFrame.ts";
import { hasHello, type Session } from "../agents/session.ts";
import type { OutputSubscription } from "../model.ts";
import type { ControlTransition } from "../transition.ts";

/** With the last chunk that was received, and whether the agent reported the end. */
type KnownSubscription = OutputSubscription & { last: number; isOver: boolean };

export class OutputSubscriptions {
  readonly #byId = new Map<number, KnownSubscription>();
  readonly #byRequest = new Map<string, Set<number>>();

  get size(): number {
    return this.#byId.size;
  }

  /**
   * Requests more output; this replaces the previous request of the subscriber. The agent is
   * informed now, if it is connected and was sent the request, and with every later sending of the
   * command.
   */
  subscribe(
    subscription: OutputSubscription,
    session: Session | undefined,
    t: ControlTransition,
  ): void {
    const { isOver } = this.#set(subscription);
    if (session === undefined || isOver) return;
    const { subscriptionId, after } = subscription;
    if (!session.isExtended) {
      t.perform({
        type: "forwardOutput",
        piece: {
          ...{ subscription_id: subscriptionId, sequence: after, end: true },
          ...(after > 0 ? { incomplete: true } : {}),
        },
      });
    } else if (hasHello(session)) {
      const message = subscribeMessage(subscription);
      t.send(session.sessionId, message);
    }
  }

  #set(subscription: OutputSubscription): KnownSubscription {
    const { subscriptionId, requestId } = subscription;
    const known = this.#byId.get(subscriptionId);
    const last = Math.max(subscription.after, known?.last ?? 0);
    const kept = { ...subscription, last, isOver: known?.isOver ?? false };
    this.#byId.set(subscriptionId, kept);
    const subscribers = this.#byRequest.get(requestId) ?? new Set();
    this.#byRequest.set(requestId, subscribers.add(subscriptionId));
    return kept;
  }

  /**
   * Removes a subscriber and informs its agent, so that the program does not block on it, and so
   * that output that was read to its end is no longer kept.
   */
  unsubscribe(
    subscriber: number,
    sessionOf: (subscription: OutputSubscription) => Session | undefined,
    t: ControlTransition,
  ): void {
    const subscription = this.#byId.get(subscriber);
    if (subscription === undefined) return;
    this.#byId.delete(subscriber);
    const subscribers = this.#byRequest.get(subscription.requestId);
    subscribers?.delete(subscriber);
    if (subscribers?.size === 0) this.#byRequest.delete(subscription.requestId);
    const session = sessionOf(subscription);
    if (!session?.isExtended || !hasHello(session)) return;
    const message = subscribeMessage(
      { ...subscription, after: subscription.last, bytes: 0 },
      { unsubscribe: true },
    );
    t.send(session.sessionId, message);
  }

  /** Returns the messages that resume the output of a request after the last received chunk. */
  messagesFor(requestId: string): ControlDraft[] {
    return [...(this.#byRequest.get(requestId) ?? [])].flatMap((subscriber) => {
      const subscription = this.#byId.get(subscriber);
      if (subscription === undefined || subscription.isOver) return [];
      const { last: after, bytesLeft } = subscription;
      return [subscribeMessage({ ...subscription, after, bytes: Math.max(0, bytesLeft) })];
    });
  }

  /** Whether a subscriber requested this chunk of the agent. */
  accept(agentId: string, { request_id, payload }: Output): boolean {
    const subscription = this.#byId.get(payload.subscription_id);
    const isTheirs = subscription?.agentId === agentId && subscription.requestId === request_id;
    if (subscription === undefined || !isTheirs) return false;
    // There is one end: repeats are dropped.
    if (subscription.isOver) return false;
    const isNew = payload.sequence > subscription.last && subscription.bytesLeft > 0;
    if (!isNew && payload.end !== true) return false;
    subscription.bytesLeft -= outputCredit(payload);
    subscription.last = payload.sequence;
    if (payload.end) subscription.isOver = true;
    return true;
  }
}

/** Returns how many bytes of the requested amount a chunk uses. */
export function outputCredit({ bytes }: OutputPayload): number {
  return outputCost(bytes?.length ?? 0);
}

function subscribeMessage(
  subscription: OutputSubscription,
  more: { unsubscribe?: true } = {},
): ControlDraft {
  const { subscriptionId, after, bytes } = subscription;
  return {
    type: "subscribe_output",
    request_id: subscription.requestId,
    payload: { subscription_id: subscriptionId, after, bytes, ...more },
  };
}
