/** What a start does with a segment that has two files, because the machine stopped in between. */
import { headerBytes } from "../format.ts";
import { batchesIn, readHeader } from "../segments.ts";
import { compressedName, type LogStorage, segmentName, segmentsIn } from "../storage.ts";
import { openCompressed, openSegment, type SegmentFile } from "./segmentFile.ts";

/** Removes the file of a segment that has fewer entries; if both have the same, the plain one. */
export function removeDoubles(storage: LogStorage): void {
  const names = new Set(storage.list());
  let isChanged = false;
  for (const first of segmentsIn(storage)) {
    const [plain, compressed] = [segmentName(first), compressedName(first)];
    if (!names.has(plain) || !names.has(compressed)) continue;
    const isWhole =
      endOf(() => openCompressed(storage, first)) >= endOf(() => openSegment(storage, first));
    storage.remove(isWhole ? plain : compressed);
    isChanged = true;
  }
  if (isChanged) storage.syncNames();
}

/** Returns the sequence after the last entry that verifies; 0 if the file cannot be read. */
function endOf(open: () => SegmentFile): number {
  let file: SegmentFile | undefined;
  try {
    file = open();
    if (file.size() < headerBytes) return 0;
    const { first: sequence, previous: digest } = readHeader(file, file.path);
    const position = { sequence, digest };
    for (const _ of batchesIn(file, position));
    return position.sequence;
  } catch {
    return 0;
  } finally {
    file?.close();
  }
}
