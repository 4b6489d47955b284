/**
 * A chunk of live output as a binary frame of `wsctl.v1`: a short header, the id of the request,
 * and the bytes as the program wrote them. `docs/protocol.md` describes every byte.
 */
import * as v from "valibot";
import { outputChunkBytesMax } from "../limits.ts";
import { RequestId } from "../names.ts";
import { formatIssue } from "../schemaError.ts";

/** The fields of a chunk. */
export interface OutputChunk {
  requestId: string;
  subscriptionId: number;
  sequence: number;
  stream: StreamName;
  /** The number of missing chunks right before this one. */
  skipped: number;
  bytes: Uint8Array;
}

export type StreamName = "stdout" | "stderr";

/**
 * v1, from the agent: a chunk of a program's output, as a binary frame, or the
 * end of the output as a message.
 */
export interface Output {
  type: "output";
  request_id: string;
  /** That of the message; a binary frame has none. */
  timestamp?: string;
  payload: OutputPayload;
}

export interface OutputPayload {
  subscription_id: number;
  /** Numbers the chunks of both streams from 1; with `end`, the number of the last chunk. */
  sequence: number;
  stream?: StreamName;
  /** The chunk as the program wrote it. */
  bytes?: Uint8Array;
  /** The number of chunks right before this one that were dropped, as no subscriber read them. */
  skipped?: number | undefined;
  /** The end of the output, without a chunk. */
  end?: true;
  /** With `end`: the rest of the output exists no longer, and its length is not known. */
  incomplete?: true | undefined;
}

/** The kind of the only binary frame, in its first byte. */
const outputKind = 1;
const streams: readonly StreamName[] = ["stdout", "stderr"];
/** A header up to the id: kind, stream, length of the id, and three numbers of eight bytes. */
const idAt = 28;

const at = { kind: 0, stream: 1, idBytes: 2, subscription: 4, sequence: 12, skipped: 20 };

/** Returns the frame of a chunk. */
export function encodeOutputFrame(chunk: OutputChunk): Uint8Array {
  const { requestId, bytes } = chunk;
  const id = Buffer.from(requestId);
  const frame = Buffer.allocUnsafe(idAt + id.length + bytes.length);
  frame[at.kind] = outputKind;
  frame[at.stream] = streams.indexOf(chunk.stream);
  frame.writeUInt16BE(id.length, at.idBytes);
  writeCount(frame, chunk.subscriptionId, at.subscription);
  writeCount(frame, chunk.sequence, at.sequence);
  writeCount(frame, chunk.skipped, at.skipped);
  frame.set(id, idAt);
  frame.set(bytes, idAt + id.length);
  return frame;
}

type Parsed = { chunk: OutputChunk; flaw?: never } | { chunk?: never; flaw: string };

/** Reads a frame. Its bytes are not copied. `flaw` says which field breaks which rule. */
export function decodeOutputFrame(received: Uint8Array): Parsed {
  const frame = Buffer.from(received.buffer, received.byteOffset, received.byteLength);
  if (frame[at.kind] !== outputKind) return { flaw: `kind must be ${outputKind}` };
  if (frame.length < idAt) return { flaw: `frame must have at least ${idAt} bytes` };
  const stream = streams[frame[at.stream] ?? streams.length];
  if (stream === undefined) return { flaw: "stream must be 0 or 1" };
  const bytesAt = idAt + frame.readUInt16BE(at.idBytes);
  if (bytesAt > frame.length) return { flaw: "request_id must end within the frame" };
  const id = v.safeParse(RequestId, decodeId(frame.subarray(idAt, bytesAt)));
  if (!id.success) return { flaw: `request_id ${formatIssue(id.issues[0])}` };
  const subscriptionId = readCount(frame, at.subscription);
  const sequence = readCount(frame, at.sequence);
  const skipped = readCount(frame, at.skipped);
  if (subscriptionId === undefined || sequence === undefined || skipped === undefined) {
    return { flaw: "numbers must be at most 2^53 - 1" };
  }
  const bytes = frame.subarray(bytesAt);
  if (bytes.length === 0 || bytes.length > outputChunkBytesMax) {
    return { flaw: `chunk must have 1 to ${outputChunkBytesMax} bytes` };
  }
  return { chunk: { requestId: id.output, subscriptionId, sequence, stream, skipped, bytes } };
}

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Returns undefined for bytes that are not UTF-8. */
function decodeId(bytes: Uint8Array): string | undefined {
  try {
    return utf8.decode(bytes);
  } catch {
    return undefined;
  }
}

function writeCount(frame: Buffer, count: number, offset: number): void {
  frame.writeUInt32BE(Math.floor(count / 2 ** 32), offset);
  frame.writeUInt32BE(count % 2 ** 32, offset + 4);
}

/** Returns undefined for a number that a double cannot hold exactly. */
function readCount(frame: Buffer, offset: number): number | undefined {
  const count = frame.readUInt32BE(offset) * 2 ** 32 + frame.readUInt32BE(offset + 4);
  return Number.isSafeInteger(count) ? count : undefined;
}
