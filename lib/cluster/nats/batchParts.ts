/** A batch as messages of a stream: one, or parts if it is larger than a message may be. */
import type { MsgHdrs } from "@nats-io/transport-node";
import type { StreamBatch } from "./threadMessages.ts";

/** The sequence of the first entry of the batch. */
export const firstHeader = "Wsctl-First";
/** The digest before the batch, in hexadecimal. */
export const previousHeader = "Wsctl-Previous";
/** `1/3` for the first of three parts. */
export const partHeader = "Wsctl-Part";

export interface StreamMessage {
  sequence: number;
  data: Uint8Array;
  headers: MsgHdrs | undefined;
}

export const noBytes = new Uint8Array();

/** Puts batches together. One whose last part never came was given up by its writer. */
export class BatchParts {
  #parts: Uint8Array[] = [];

  /** Returns the batch that a message completes. */
  add({ sequence, data, headers: fields }: StreamMessage): StreamBatch | undefined {
    const [part, count] = partOf(fields);
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
export function partOf(fields: MsgHdrs | undefined): [number, number] {
  const [part = "0", count = "0"] = fields?.get(partHeader).split("/") ?? [];
  return [Number(part), Number(count)];
}

export function isFirstPart(fields: MsgHdrs | undefined): boolean {
  return partOf(fields)[0] === 1;
}

/** The digest in the header of a batch, which its first part holds: see `log-format.md`. */
export function digestOf(bytes: Uint8Array): string {
  return Buffer.from(bytes.subarray(24, 56)).toString("hex");
}
