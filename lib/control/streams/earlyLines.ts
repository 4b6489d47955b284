/**
 * Holds the lines of a stream back for a moment, so that what ends quickly is answered as a whole.
 * A stream costs about as much as everything else in a short request. The lines are the same.
 */
import type { StreamSource } from "../engine/responseStreams.ts";

/** How long lines are held back, in milliseconds. */
export const earlyMs = 25;

export class EarlyLines implements StreamSource {
  readonly #source: StreamSource;
  /** A chunk that was requested and has not arrived yet. */
  #requested: Promise<string> | undefined;

  constructor(source: StreamSource) {
    this.#source = source;
  }

  get isOver(): boolean {
    return this.#requested === undefined && this.#source.isOver;
  }

  /** Returns the lines that arrive until the stream ends, or until the time has passed. */
  async collect(ms: number): Promise<string> {
    const late = Promise.withResolvers<undefined>();
    const timer = setTimeout(() => late.resolve(undefined), ms);
    let lines = "";
    try {
      while (!this.isOver) {
        this.#requested ??= this.#source.next();
        const chunk = await Promise.race([this.#requested, late.promise]);
        if (chunk === undefined) break;
        this.#requested = undefined;
        lines += chunk;
      }
    } finally {
      clearTimeout(timer);
    }
    return lines;
  }

  next(): Promise<string> {
    const requested = this.#requested;
    this.#requested = undefined;
    return requested ?? this.#source.next();
  }

  close(): void {
    this.#source.close();
  }
}
