/** Bounds what waits in memory for one reader: one job of it, or all jobs of its session. */
export class WaitingRoom {
  #left: number;

  /** @param chars The size of the room, in characters of JSON. */
  constructor(chars: number) {
    this.#left = chars;
  }

  /** Returns false if the room is full: nothing is added then. */
  enter(chars: number): boolean {
    if (chars > this.#left) return false;
    this.#left -= chars;
    return true;
  }

  leave(chars: number): void {
    this.#left += chars;
  }
}
