/** Streams that operators read at this moment, by their token: they end when it does. */
export class OpenStreams {
  readonly #ends = new Map<string, Set<() => void>>();

  /** The same stream, which ends early when the token does. */
  guarded(tokenId: string, stream: ReadableStream<Uint8Array>): ReadableStream<Uint8Array> {
    const reader = stream.getReader();
    const end = () => void reader.cancel();
    const ends = this.#ends.get(tokenId) ?? new Set();
    this.#ends.set(tokenId, ends.add(end));
    const forget = () => {
      ends.delete(end);
      if (ends.size === 0 && this.#ends.get(tokenId) === ends) this.#ends.delete(tokenId);
    };
    return new ReadableStream<Uint8Array>(
      {
        async pull(controller) {
          const { done, value } = await reader.read();
          if (!done) return controller.enqueue(value);
          forget();
          controller.close();
        },
        async cancel(reason) {
          forget();
          await reader.cancel(reason);
        },
      },
      { highWaterMark: 0 },
    );
  }

  end(tokenId: string): void {
    for (const end of this.#ends.get(tokenId) ?? []) end();
  }
}
