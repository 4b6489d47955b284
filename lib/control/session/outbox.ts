/**
 * The messages of a session on their way to its connection. What many jobs say in one step, such as
 * the release of one commit, is sent with one call of the system.
 */
import type { QueuedSocket } from "../../runtime/runtime.ts";

export class Outbox {
  readonly #socket: QueuedSocket;
  readonly #onFull: () => void;
  #texts: string[] = [];
  #chars = 0;

  /** @param onFull Called if the peer reads too slowly: messages were dropped. */
  constructor(socket: QueuedSocket, onFull: () => void) {
    this.#socket = socket;
    this.#onFull = onFull;
  }

  /** What has not been taken by the peer, in bytes; messages of this step count their characters. */
  get queuedBytes(): number {
    return this.#socket.queuedBytes + this.#chars;
  }

  add(text: string): void {
    if (this.#texts.push(text) === 1) queueMicrotask(() => this.flush());
    this.#chars += text.length;
  }

  flush(): void {
    const texts = this.#texts;
    if (texts.length === 0) return;
    this.#texts = [];
    this.#chars = 0;
    if (!this.#socket.sendAll(texts)) this.#onFull();
  }
}
