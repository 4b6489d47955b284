/** A batch as messages of a stream: one, or parts if it is larger than a message may be. */
import type { StreamBatch } from "../nats/threadMessages.ts";

/** A message of the stream that holds the log. */
export interface StreamMessage {
  sequence: number;
  data: Uint8Array;
  /** The sequence of the first entry of the batch, and the digest before it, in hexadecimal. */
  first: number;
  previous: string;
  /** `1/3` for the first of three parts; `0/0` for the first message of a stream. */
  part: string;
  /** What NATS knows a message by that is published again. */
  id: string;
}

export const noBytes = new Uint8Array();

/** Puts batches together. One whose last part never came was given up by its writer. */
export class BatchParts {
  #parts: Uint8Array[] = [];

  /** Returns the batch that a message completes. */
  add(message: Pick<StreamMessage, "sequence" | "data" | "part">): StreamBatch | undefined {
    const { sequence, data } = message;
    const [part, count] = partOf(message);
    if (part === 0) return undefined;
    if (part === 1) this.#parts = [];
    this.#parts.push(data);
    if (this.#parts.length !== part || part < count) return undefined;
    const bytes = count === 1 ? data : new Uint8Array(Buffer.concat(this.#parts));
    this.#parts = [];
    return { position: sequence, bytes };
  }
}

/** Returns the number of a part and how many there are; 0 of 0 for the first message. */
export function partOf(message: Pick<StreamMessage, "part"> | undefined): [number, number] {
  const [part = "0", count = "0"] = message?.part.split("/") ?? [];
  return [Number(part), Number(count)];
}

/** The digest in the header of a batch, which its first part holds: see `log-format.md`. */
export function digestOf(bytes: Uint8Array): string {
  return Buffer.from(bytes.subarray(24, 56)).toString("hex");
}
