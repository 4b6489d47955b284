/**
 * A WebSocket client by hand, on a TCP socket: for frames that no library sends, for reading as
 * slowly as one likes, and for HTTP that no client speaks.
 */

import { connect, type Socket } from "node:net";
import { opcodes } from "../../../lib/conformance/frames.ts";
import { Inbox } from "./inbox.ts";

export interface Frame {
  opcode: number;
  payload: Buffer;
}

export interface FrameToSend {
  opcode?: number;
  payload?: string | Uint8Array;
  fin?: boolean;
  /** RSV1 to RSV3 as the bits 4, 2 and 1. */
  rsv?: number;
  masked?: boolean;
  /** Said instead of the payload's own length, in eight bytes. */
  declaredLength?: bigint;
}

export interface CloseFrame {
  /** Undefined for a connection that ended without a close frame, or with an empty one. */
  code: number | undefined;
  reason: string;
}

const patienceMs = 20_000;
const mask = Buffer.from([0x1f, 0x2e, 0x3d, 0x4c]);

export interface RawSocketOptions {
  port: number;
  path?: string;
  /** Header lines as they are. */
  headers?: string[];
}

export class RawSocket implements AsyncDisposable {
  readonly frames = new Inbox<Frame>();
  readonly closed: Promise<CloseFrame>;
  /** Of the answer to the handshake: `HTTP/1.1 101 …` and whatever came of the body. */
  status = 0;
  body = "";
  readonly #socket: Socket;
  readonly #upgraded = Promise.withResolvers<void>();
  #head = "";
  #bytes: Buffer = Buffer.alloc(0);
  #close: CloseFrame = { code: undefined, reason: "" };

  private constructor(options: RawSocketOptions) {
    this.#socket = connect(options.port, "127.0.0.1");
    this.#socket.on("connect", () => this.#socket.write(handshake(options)));
    this.#socket.on("data", (bytes: Buffer) => this.#received(bytes));
    this.#socket.on("error", () => {});
    this.closed = new Promise((resolve) => {
      this.#socket.on("close", () => {
        this.frames.end(`closed with ${this.#close.code}: ${this.#close.reason}`);
        this.#upgraded.resolve();
        resolve(this.#close);
      });
    });
  }

  /** Resolved with the answer to the handshake, whatever it is. */
  static async open(options: RawSocketOptions): Promise<RawSocket> {
    const socket = new RawSocket(options);
    await socket.#upgraded.promise;
    return socket;
  }

  get mark(): number {
    return this.frames.all.length;
  }

  text(payload: string): void {
    this.frame({ payload });
  }

  frame(frame: FrameToSend): void {
    this.#socket.write(encodeFrame(frame));
  }

  /** Resolved when the operating system has taken all that was written. */
  flushed(): Promise<void> {
    return new Promise((resolve) => this.#socket.write("", () => resolve()));
  }

  bytes(bytes: Uint8Array): void {
    this.#socket.write(bytes);
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  /** The first text frame after the mark that holds a JSON value which fits. */
  message<T>(what: string, fits: (message: T) => boolean, from = 0): Promise<T> {
    const pick = (frame: Frame) => {
      if (frame.opcode !== opcodes.text) return undefined;
      const message = JSON.parse(frame.payload.toString()) as T;
      return fits(message) ? message : undefined;
    };
    return this.frames.first(what, pick, from);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#socket.destroy();
    await this.closed;
  }

  #received(bytes: Buffer): void {
    this.#bytes = Buffer.concat([this.#bytes, bytes]);
    if (this.#head === "") this.#readHead();
    if (this.status === 101) this.#readFrames();
    else this.body = this.#bytes.toString();
  }

  #readHead(): void {
    const end = this.#bytes.indexOf("\r\n\r\n");
    if (end < 0) return;
    this.#head = this.#bytes.subarray(0, end).toString();
    this.#bytes = this.#bytes.subarray(end + 4);
    this.status = Number(/^HTTP\/1\.1 (\d+)/.exec(this.#head)?.[1]);
    if (this.status === 101) this.#upgraded.resolve();
    else this.#socket.end();
  }

  #readFrames(): void {
    for (;;) {
      const read = decodeFrame(this.#bytes);
      if (read === undefined) return;
      this.#bytes = this.#bytes.subarray(read.size);
      if (read.frame.opcode === opcodes.close) this.#closing(read.frame);
      else this.frames.add(read.frame);
    }
  }

  /** Answers as it must, and ends. */
  #closing({ payload }: Frame): void {
    if (payload.length >= 2) {
      this.#close = { code: payload.readUInt16BE(0), reason: payload.subarray(2).toString() };
    }
    this.frame({ opcode: opcodes.close, payload: payload.subarray(0, 2) });
    this.#socket.end();
  }
}

/** Sends bytes to a port; answers with all that comes until the other side ends, as it must. */
export function exchange(port: number, request: string | Uint8Array): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, "127.0.0.1", () => socket.write(request));
    let answer = "";
    const patience = setTimeout(() => {
      reject(new Error(`the other side did not end within ${patienceMs} ms: ${answer}`));
      socket.destroy();
    }, patienceMs);
    socket.on("data", (bytes: Buffer) => {
      answer += bytes.toString();
    });
    socket.on("error", () => {});
    socket.on("end", () => socket.end());
    socket.on("close", () => {
      clearTimeout(patience);
      resolve(answer);
    });
  });
}

function handshake({ port, path = "/agent", headers = [] }: RawSocketOptions): string {
  return [
    `GET ${path} HTTP/1.1`,
    `Host: 127.0.0.1:${port}`,
    "Upgrade: websocket",
    "Connection: Upgrade",
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    "Sec-WebSocket-Version: 13",
    ...headers,
    "",
    "",
  ].join("\r\n");
}

function encodeFrame(frame: FrameToSend): Uint8Array {
  const { opcode = opcodes.text, fin = true, rsv = 0, masked = true } = frame;
  const payload = Buffer.from((frame.payload ?? "") as Uint8Array);
  const first = (fin ? 0x80 : 0) | (rsv << 4) | opcode;
  const maskBit = masked ? 0x80 : 0;
  const head = Buffer.concat([
    Buffer.from([first]),
    encodeLength(payload.length, maskBit, frame.declaredLength),
    masked ? mask : Buffer.alloc(0),
  ]);
  if (masked) for (let i = 0; i < payload.length; i++) payload[i]! ^= mask[i & 3]!;
  return Buffer.concat([head, payload]);
}

function encodeLength(length: number, maskBit: number, declared: bigint | undefined): Buffer {
  if (declared === undefined && length < 126) return Buffer.from([maskBit | length]);
  if (declared === undefined && length < 65_536) {
    return Buffer.from([maskBit | 126, length >> 8, length & 255]);
  }
  const long = Buffer.alloc(9);
  long[0] = maskBit | 127;
  long.writeBigUInt64BE(declared ?? BigInt(length), 1);
  return long;
}

/** A server's frames are whole and unmasked. */
function decodeFrame(bytes: Buffer): { frame: Frame; size: number } | undefined {
  if (bytes.length < 2) return undefined;
  const short = bytes[1]! & 0x7f;
  const head = short < 126 ? 2 : short === 126 ? 4 : 10;
  if (bytes.length < head) return undefined;
  const length =
    head === 2 ? short : head === 4 ? bytes.readUInt16BE(2) : Number(bytes.readBigUInt64BE(2));
  if (bytes.length < head + length) return undefined;
  const payload = Buffer.from(bytes.subarray(head, head + length));
  return { frame: { opcode: bytes[0]! & 0x0f, payload }, size: head + length };
}
