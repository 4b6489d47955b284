/** Live output on its way through: each piece goes to the one subscriber that asked for it. */
import type { OutputPayload, OutputSubscription } from "../core/model.ts";

type Listener = (piece: OutputPayload) => void;

export class OutputRouter {
  readonly #listeners = new Map<number, Listener>();
  #last = 0;

  /** The number of a new subscriber. */
  add(listener: Listener): OutputSubscription["subscriptionId"] {
    this.#listeners.set(++this.#last, listener);
    return this.#last;
  }

  delete(subscriber: number): void {
    this.#listeners.delete(subscriber);
  }

  route(piece: OutputPayload): void {
    this.#listeners.get(piece.subscription_id)?.(piece);
  }
}
