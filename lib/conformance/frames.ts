/**
 * Frames of a WebSocket (RFC 6455, section 5) by hand: the suite sends what no library sends, such
 * as messages in fragments and binary frames, and sees what no library shows.
 */
import { randomBytes } from "node:crypto";

export const opcodes = {
  continuation: 0,
  text: 1,
  binary: 2,
  close: 8,
  ping: 9,
  pong: 10,
} as const;

export interface Frame {
  opcode: number;
  isFinal: boolean;
  payload: Buffer;
}

/** @param isMasked A client masks its frames, and a server does not. */
export function encodeFrame(frame: Frame, isMasked: boolean): Buffer {
  const { opcode, isFinal, payload } = frame;
  const { length } = payload;
  const first = (isFinal ? 0x80 : 0) | opcode;
  const maskBit = isMasked ? 0x80 : 0;
  const head =
    length < 126
      ? Buffer.from([first, maskBit | length])
      : length < 65_536
        ? Buffer.from([first, maskBit | 126, length >> 8, length & 255])
        : longHead(first, maskBit, length);
  if (!isMasked) return Buffer.concat([head, payload]);
  const mask = randomBytes(4);
  return Buffer.concat([head, mask, applyMask(payload, mask)]);
}

function longHead(first: number, maskBit: number, length: number): Buffer {
  const head = Buffer.alloc(10);
  head[0] = first;
  head[1] = maskBit | 127;
  head.writeBigUInt64BE(BigInt(length), 2);
  return head;
}

function applyMask(bytes: Buffer, mask: Buffer): Buffer {
  const copy = Buffer.from(bytes);
  for (let index = 0; index < copy.length; index++) {
    copy[index] = (copy[index] ?? 0) ^ (mask[index % 4] ?? 0);
  }
  return copy;
}

/** The first frame of the bytes, and how many of them it takes; undefined if it is not whole. */
export function decodeFrame(bytes: Buffer): { frame: Frame; size: number } | undefined {
  const [first, second] = bytes;
  if (first === undefined || second === undefined) return undefined;
  let at = 2;
  let length = second & 127;
  if (length === 126) {
    if (bytes.length < 4) return undefined;
    length = bytes.readUInt16BE(2);
    at = 4;
  } else if (length === 127) {
    if (bytes.length < 10) return undefined;
    length = Number(bytes.readBigUInt64BE(2));
    at = 10;
  }
  const isMasked = (second & 0x80) !== 0;
  const start = isMasked ? at + 4 : at;
  if (bytes.length < start + length) return undefined;
  const body = bytes.subarray(start, start + length);
  const payload = isMasked ? applyMask(body, bytes.subarray(at, at + 4)) : Buffer.from(body);
  const frame = { opcode: first & 15, isFinal: (first & 0x80) !== 0, payload };
  return { frame, size: start + length };
}
