/** Live output on its way through: each piece goes to the one watcher that asked for it. */
import type { OutputPayload, OutputSubscription } from "../core/model.ts";

type Listener = (piece: OutputPayload) => void;

export class OutputRouter {
  readonly #listeners = new Map<number, Listener>();
  #last = 0;

  /** The number of a new watcher. */
  add(listener: Listener): OutputSubscription["subscriptionId"] {
    this.#listeners.set(++this.#last, listener);
    return this.#last;
  }

  delete(watcher: number): void {
    this.#listeners.delete(watcher);
  }

  route(piece: OutputPayload): void {
    this.#listeners.get(piece.watcher)?.(piece);
  }
}
