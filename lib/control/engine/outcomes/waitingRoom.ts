/**
 * Bounds what waits in memory for one reader: one job of it, or all jobs of its session. What finds
 * no room there may go to a room that all readers share.
 */
export class WaitingRoom {
  #left: number;
  readonly #common: WaitingRoom | undefined;
  #inCommon = 0;

  /** @param chars The size of the room, in characters of JSON. */
  constructor(chars: number, common?: WaitingRoom) {
    this.#left = chars;
    this.#common = common;
  }

  /** Returns false if the room is full: nothing is added then. */
  enter(chars: number): boolean {
    if (chars <= this.#left) {
      this.#left -= chars;
      return true;
    }
    if (this.#common?.enter(chars) !== true) return false;
    this.#inCommon += chars;
    return true;
  }

  /** The room that others need comes first. */
  leave(chars: number): void {
    const common = Math.min(chars, this.#inCommon);
    this.#inCommon -= common;
    this.#common?.leave(common);
    this.#left += chars - common;
  }
}
