/** A stream that a console session reads: it ends with the session, not only with the token. */
import type { StreamSource } from "../engine/responseStreams.ts";

/** How long a stream may outlast its session. */
const checkMs = 1_000;

export class SessionStream implements StreamSource {
  readonly #source: StreamSource;
  readonly #check: NodeJS.Timeout;

  /** @param isOpen Whether the session exists. */
  constructor(source: StreamSource, isOpen: () => boolean) {
    this.#source = source;
    this.#check = setInterval(() => {
      if (!isOpen()) this.close();
    }, checkMs);
  }

  get isOver(): boolean {
    return this.#source.isOver;
  }

  next(): Promise<string> {
    return this.#source.next();
  }

  close(): void {
    clearInterval(this.#check);
    this.#source.close();
  }
}
