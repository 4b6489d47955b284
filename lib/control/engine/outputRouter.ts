/** Live output on its way through: each piece goes to the one watcher that asked for it. */
import type { FollowOrder, OutputPiece } from "../core/model.ts";

type Listener = (piece: OutputPiece) => void;

export class OutputRelay {
  readonly #listeners = new Map<number, Listener>();
  #last = 0;

  /** The number of a new watcher. */
  add(listener: Listener): FollowOrder["watcher"] {
    this.#listeners.set(++this.#last, listener);
    return this.#last;
  }

  delete(watcher: number): void {
    this.#listeners.delete(watcher);
  }

  pass(piece: OutputPiece): void {
    this.#listeners.get(piece.watcher)?.(piece);
  }
}
