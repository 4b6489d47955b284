/** Streams and transfers in progress, by token. They end when the token does. */

/** The source of a stream, read chunk by chunk at the speed of its reader. */
export interface StreamSource {
  /** Resolves with the next chunk, which may be empty. */
  next(): Promise<string>;
  /** Whether the stream has ended; `next` is not called again. */
  readonly isOver: boolean;
  /** Ends the stream and a pending `next`. Calls may be repeated. */
  close(): void;
}

/** The source of a stream whose reader decides in one step whether it reads. */
export interface LineSource {
  /** Returns the lines that are there, each with its line break; empty if there are none. */
  read(): string;
  /** Resolves when there may be further lines. */
  wait(): Promise<unknown>;
  readonly isOver: boolean;
  /** Ends the stream and a pending `wait`. Calls may be repeated. */
  close(): void;
}

export class ResponseStreams {
  readonly #ends = new Map<string, Set<() => void>>();
  readonly #closers = new Set<() => Promise<void>>();

  /** Opens a stream that starts with an optional chunk and ends early if the token ends. */
  open(
    tokenId: string,
    source: StreamSource,
    first = "",
    isInForce = true,
  ): ReadableStream<Uint8Array> {
    const encoder = new TextEncoder();
    let isLeft = false;
    let isCancelled = false;
    const leave = () => {
      isLeft = true;
      source.close();
    };
    const forget = this.waitForEnd(tokenId, leave);
    if (!isInForce) leave();
    return new ReadableStream<Uint8Array>(
      {
        start(controller) {
          if (first !== "") controller.enqueue(encoder.encode(first));
        },
        async pull(controller) {
          let text = "";
          try {
            while (text === "" && !source.isOver && !isLeft) text = await source.next();
          } catch (error) {
            forget();
            leave();
            throw error;
          }
          if (isCancelled) return;
          if (text !== "" && !isLeft) controller.enqueue(encoder.encode(text));
          if (!source.isOver && !isLeft) return;
          forget();
          source.close();
          controller.close();
        },
        cancel() {
          isCancelled = true;
          forget();
          leave();
        },
      },
      { highWaterMark: 1 },
    );
  }

  end(tokenId: string): void {
    for (const end of this.#ends.get(tokenId) ?? []) end();
  }

  /** Closes the connections that say why they end, before the server stops. */
  async stop(): Promise<void> {
    await Promise.all([...this.#closers].map((close) => close()));
  }

  /** Calls `close` before the server stops. Returns a function that cancels the callback. */
  waitForStop(close: () => Promise<void>): () => void {
    this.#closers.add(close);
    return () => void this.#closers.delete(close);
  }

  /** Calls `end` when the token ends. Returns a function that cancels the callback. */
  waitForEnd(tokenId: string, end: () => void): () => void {
    const ends = this.#ends.get(tokenId) ?? new Set();
    this.#ends.set(tokenId, ends.add(end));
    return () => {
      ends.delete(end);
      if (ends.size === 0 && this.#ends.get(tokenId) === ends) this.#ends.delete(tokenId);
    };
  }
}
