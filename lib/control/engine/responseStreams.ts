/**
 * What goes on at this moment under each token, streams and transfers: it ends when the token does.
 */

/** What a stream is made of, asked for a piece at a time as its reader takes them. */
export interface StreamSource {
  /** The next piece, once there is one; may be empty. */
  next(): Promise<string>;
  /** Whether nothing follows; `next` is not called again. */
  readonly isOver: boolean;
  /** Ends a wait as well. May be called at any time, and more than once. */
  close(): void;
}

export class ResponseStreams {
  readonly #ends = new Map<string, Set<() => void>>();

  /** A stream that begins with a piece, where there is one, and ends early when the token does. */
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

  /** Calls `end` when the token ends; returns the function that no longer waits for that. */
  waitForEnd(tokenId: string, end: () => void): () => void {
    const ends = this.#ends.get(tokenId) ?? new Set();
    this.#ends.set(tokenId, ends.add(end));
    return () => {
      ends.delete(end);
      if (ends.size === 0 && this.#ends.get(tokenId) === ends) this.#ends.delete(tokenId);
    };
  }
}
