/** The batches of a log in the form in which NATS has them. */
import type { DurableLog } from "../../store/log/durableLog.ts";
import { encodeBatch, toHex } from "../../store/log/format.ts";

/** The batches of a log after an entry. A batch has one form, so it is encoded again. */
export function batchesAfter(log: DurableLog, after: number, digest: string) {
  const batches: { bytes: Uint8Array; first: number; previous: string }[] = [];
  let previous = digest;
  let lines: string[] = [];
  log.scan(after, (entry) => {
    lines.push(entry.line);
    if (!entry.isLast) return true;
    const first = entry.sequence - lines.length + 1;
    const { bytes } = encodeBatch(lines, first, Buffer.from(previous, "hex"));
    batches.push({ bytes, first, previous });
    previous = toHex(entry.digest);
    lines = [];
    return true;
  });
  return batches;
}
