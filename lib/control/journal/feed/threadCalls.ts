/** What the thread of the index is asked, and what it answers. */
import type { ChainEnd } from "../../../store/log/segments.ts";
import type { FactBatch } from "./journalIndex.ts";

export interface IndexCall {
  /** `open`, `write`, `close`, a step of upkeep; `begin`, `build` and `finish` for a new index. */
  name: string;
  args: readonly unknown[];
}

export interface IndexRequest extends IndexCall {
  id: number;
  /** Takes the answer; a message with the id follows. */
  memory: SharedArrayBuffer;
}

/** An error without a code means that the index must be rebuilt. */
export type IndexAnswer = { output: unknown } | { error: { code?: string; message: string } };

/** Facts in a form that costs little to pass on. */
export interface PackedFacts {
  /** The lines of all batches. */
  text: string;
  /** For each batch the number of its lines, and the place of the first one. */
  places: Float64Array;
}

export function packFacts(batches: readonly FactBatch[]): PackedFacts {
  const places = new Float64Array(batches.length * 4);
  batches.forEach(({ lines, place: { sequence, segment, offset } }, at) => {
    places.set([lines.length, sequence, segment, offset], at * 4);
  });
  return { text: batches.map(({ lines }) => lines.join("\n")).join("\n"), places };
}

export function unpackFacts({ text, places }: PackedFacts): FactBatch[] {
  const all = text.split("\n");
  const batches: FactBatch[] = [];
  let from = 0;
  for (let at = 0; at < places.length; at += 4) {
    const [count = 0, sequence = 0, segment = 0, offset = 0] = places.subarray(at, at + 4);
    const lines = all.slice(from, from + count);
    from += count;
    batches.push({ lines, place: { sequence, segment, offset } });
  }
  return batches;
}

/** The sequence, and the digest in hexadecimal. */
export type PackedEnd = readonly [sequence: number, digest: string];

export function packEnd({ sequence, digest }: ChainEnd): PackedEnd {
  return [sequence, Buffer.from(digest).toString("hex")];
}

export function unpackEnd([sequence, digest]: PackedEnd): ChainEnd {
  return { sequence, digest: new Uint8Array(Buffer.from(digest, "hex")) };
}
