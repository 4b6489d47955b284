/** One open WebSocket of the suite, and everything that came over it. */
import type { Socket } from "node:net";
import { decodeFrame, encodeFrame, type Frame, opcodes } from "./frames.ts";

/** A message as it came, parsed if it is JSON. */
export interface ReceivedMessage {
  text: string;
  /** Undefined if the text is no JSON. */
  value: unknown;
  at: number;
}

export interface Closed {
  /** Undefined if the connection ended without a close frame, or with an empty one. */
  code: number | undefined;
  reason: string;
}

export class Link {
  readonly messages: ReceivedMessage[] = [];
  readonly pongs: string[] = [];
  binaryFrames = 0;
  /** Set when the connection has ended. */
  closed: Closed | undefined;
  readonly openedAt = performance.now();
  /** The request line and the headers of the upgrade, lower-case names. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly #socket: Socket;
  readonly #isClient: boolean;
  #bytes: Buffer;
  #fragments: Buffer[] = [];
  #waiting: (() => void)[] = [];

  constructor(
    socket: Socket,
    options: { isClient: boolean; path: string; headers: Record<string, string>; rest: Buffer },
  ) {
    this.#socket = socket;
    this.#isClient = options.isClient;
    this.path = options.path;
    this.headers = options.headers;
    this.#bytes = options.rest;
    socket.on("data", (bytes: Buffer) => {
      this.#bytes = Buffer.concat([this.#bytes, bytes]);
      this.#read();
    });
    socket.on("error", () => {});
    socket.once("close", () => {
      this.closed ??= { code: undefined, reason: "" };
      this.#wake();
    });
    this.#read();
  }

  send(text: string): void {
    this.frame(opcodes.text, text);
  }

  frame(opcode: number, payload: string | Buffer = "", isFinal = true): void {
    if (this.closed !== undefined) return;
    const bytes = typeof payload === "string" ? Buffer.from(payload) : payload;
    this.#socket.write(encodeFrame({ opcode, isFinal, payload: bytes }, this.#isClient));
  }

  /** Begins the closing handshake. */
  close(code: number): void {
    const payload = Buffer.alloc(2);
    payload.writeUInt16BE(code);
    this.frame(opcodes.close, payload);
  }

  /** Ends the connection without a word. */
  destroy(): void {
    this.#socket.destroy();
  }

  /** Waits until `pick` returns something, and returns undefined after the time. */
  async until<T>(ms: number, pick: () => T | undefined): Promise<T | undefined> {
    const deadline = performance.now() + ms;
    for (;;) {
      const found = pick();
      const left = deadline - performance.now();
      if (found !== undefined || left <= 0) return found;
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, left);
        this.#waiting.push(() => {
          clearTimeout(timer);
          resolve();
        });
      });
    }
  }

  #wake(): void {
    for (const wake of this.#waiting.splice(0)) wake();
  }

  #read(): void {
    for (let read = decodeFrame(this.#bytes); read !== undefined; read = decodeFrame(this.#bytes)) {
      this.#bytes = this.#bytes.subarray(read.size);
      this.#received(read.frame);
    }
    this.#wake();
  }

  #received({ opcode, isFinal, payload }: Frame): void {
    switch (opcode) {
      case opcodes.text:
      case opcodes.continuation:
        this.#fragments.push(payload);
        if (isFinal) this.#message();
        return;
      case opcodes.binary:
        this.binaryFrames++;
        return;
      case opcodes.ping:
        return this.frame(opcodes.pong, payload);
      case opcodes.pong:
        this.pongs.push(payload.toString());
        return;
      case opcodes.close: {
        const code = payload.length >= 2 ? payload.readUInt16BE(0) : undefined;
        this.frame(opcodes.close, payload);
        this.closed = { code, reason: payload.subarray(2).toString() };
        this.#socket.end();
        return;
      }
    }
  }

  #message(): void {
    const text = Buffer.concat(this.#fragments).toString();
    this.#fragments = [];
    let value: unknown;
    try {
      value = JSON.parse(text);
    } catch {
      // The checks of the envelope see that it is no JSON.
    }
    this.messages.push({ text, value, at: performance.now() });
  }
}
