/** Opens a log on a storage in memory, and tells what a start found. */
import type { CompressBlock } from "../../../lib/store/log/compressed/blocks.ts";
import { DurableLog } from "../../../lib/store/log/durableLog.ts";
import type { LogOwner } from "../../../lib/store/log/format.ts";
import type { LogEntry } from "../../../lib/store/log/segments.ts";
import type { FaultyStorage } from "../../sim/faultyStorage.ts";

export interface Opened {
  log: DurableLog;
  entries: LogEntry[];
}

export function open(
  storage: FaultyStorage,
  owner: LogOwner,
  segmentBytes = 2048,
  compress?: CompressBlock,
): Opened {
  const entries: LogEntry[] = [];
  const log = DurableLog.open({
    storage,
    owner,
    segmentBytes: { first: segmentBytes, max: segmentBytes },
    // The head is written only where the log writes it at once, and when it is closed.
    clock: { after: () => () => {}, wall: () => 0 },
    policy: { isInline: true, measured: () => {} },
    compress,
    onEntry: (entry) => entries.push(entry),
  });
  return { log, entries };
}
