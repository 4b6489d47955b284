/**
 * Damage of a log at rest, and what a start may make of it: a refusal that names the file, or the
 * right entries from the first one on.
 */
import { crc32c } from "../../lib/store/log/crc32c.ts";
import { DurableLog } from "../../lib/store/log/durableLog.ts";
import {
  alignment,
  type Batch,
  batchHeaderBytes,
  decodeBatch,
  headerBytes,
  type LogOwner,
  writeUint32,
} from "../../lib/store/log/format.ts";
import { HeadFile } from "../../lib/store/log/head.ts";
import type { FaultyStorage } from "./faultyStorage.ts";

export const damageKinds = ["flipped bit", "lost write", "misdirected write", "edit"] as const;
export type DamageKind = (typeof damageKinds)[number];

/** What a start said instead of the entries. */
const refusal = /^Cannot use the log file "\/log\/[\w.]+": /;

interface Found {
  batch: Batch;
  offset: number;
}

/** Returns the entries of a log as a start finds them. */
export function entriesOf(storage: FaultyStorage, owner: LogOwner): string[] {
  const lines: string[] = [];
  DurableLog.open({
    storage,
    owner,
    segmentBytes: { first: 4096, max: 4096 },
    clock: { after: () => () => {}, wall: () => 0 },
    policy: { isInline: true, measured: () => {} },
    onEntry: ({ line }) => lines.push(line),
  });
  return lines;
}

/** The last sequence that the head of a log names; undefined if it does not verify. */
export function headOf(storage: FaultyStorage): number | undefined {
  return new HeadFile(storage).read()?.sequence;
}

/**
 * Damages a log in one way, and judges what a start makes of it.
 *
 * @param storage a copy, which is changed
 * @param right the entries of the log as it was
 * @param random returns a number from 0 up to 1
 * @returns what is wrong with the start; undefined if it is right
 */
export function judgeDamage(
  storage: FaultyStorage,
  owner: LogOwner,
  right: readonly string[],
  kind: DamageKind,
  random: () => number,
): string | undefined {
  const lastCount = damage(storage, kind, random);
  let found: string[];
  try {
    found = entriesOf(storage, owner);
  } catch (error) {
    const text = (error as Error).message;
    return refusal.test(text) ? undefined : `${kind}: no named refusal: ${text}`;
  }
  if (found.some((line, at) => line !== right[at])) return `${kind}: a wrong entry`;
  const missing = right.length - found.length;
  if (found.length < (headOf(storage) ?? 0)) return `${kind}: ${missing} missing before the head`;
  // The write of the last batch cannot be told from one that was interrupted.
  if (kind !== "misdirected write" && missing > lastCount) return `${kind}: ${missing} missing`;
  return undefined;
}

/** Returns the number of entries in the last batch of the log. */
function damage(storage: FaultyStorage, kind: DamageKind, random: () => number): number {
  const pick = (below: number) => Math.floor(random() * below);
  const names = storage.list().filter((name) => name.endsWith(".log"));
  const batchesOf = names.sort().map((name) => ({ name, batches: batchesIn(storage, name) }));
  const last = batchesOf.findLast(({ batches }) => batches.length > 0)?.batches.at(-1);
  const place = batchesOf[pick(batchesOf.length)];
  const struck = place?.batches[pick(place.batches.length)];
  if (kind === "flipped bit" || place === undefined || struck === undefined) {
    const all = storage.list();
    const bytes = storage.bytesOf(all[pick(all.length)] ?? "");
    const at = pick(bytes.length);
    bytes[at] = (bytes[at] ?? 0) ^ (1 << pick(8));
    return last?.batch.count ?? 0;
  }
  const { batch, offset } = struck;
  const bytes = storage.bytesOf(place.name);
  if (kind === "edit") edit(bytes, struck, pick);
  else {
    const written = bytes.slice(offset, offset + batch.bytes);
    bytes.fill(0, offset, offset + batch.bytes);
    if (kind === "misdirected write") {
      const other = storage.bytesOf(names[pick(names.length)] ?? place.name);
      const at = pick((other.length - written.length) / alignment) * alignment;
      if (at >= 0) other.set(written, at);
    }
  }
  return last?.batch.count ?? 0;
}

/** Returns the batches of a segment, up to the first place that has none. */
export function batchesIn(storage: FaultyStorage, name: string): Found[] {
  const bytes = storage.bytesOf(name);
  const found: Found[] = [];
  for (let offset = headerBytes; ; ) {
    const batch = decodeBatch(bytes, offset);
    if (batch === undefined) return found;
    found.push({ batch, offset });
    offset += batch.bytes;
  }
}

/**
 * Changes a byte of an entry, and the checksum with it: the chain alone knows.
 *
 * @param pick returns a whole number below another one
 */
export function edit(
  bytes: Uint8Array,
  { batch, offset }: Found,
  pick: (below: number) => number,
): void {
  const start = offset + batchHeaderBytes;
  const at = start + pick(batch.payload.length - 1);
  bytes[at] = (bytes[at] ?? 0) ^ 1;
  const header = crc32c(bytes, offset, offset + batchHeaderBytes - 4);
  const checksum = crc32c(bytes, start, start + batch.payload.length, header);
  writeUint32(bytes, checksum, offset + batchHeaderBytes - 4);
}
