/** Routes live output: each chunk goes to the subscriber that requested it. */
import type { OutputPayload } from "../../protocol/wire/outputFrame.ts";
import type { OutputSubscription } from "../core/model.ts";

type Listener = (piece: OutputPayload) => void;

export class OutputRouter {
  readonly #listeners = new Map<number, Listener>();
  #last = 0;

  /** Returns the id of a new subscriber. */
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
