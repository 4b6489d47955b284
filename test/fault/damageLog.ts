/** Ways to damage the files of a log. */
import { readOnlyStorage } from "../../lib/store/log/fileStorage.ts";
import { HeadFile } from "../../lib/store/log/head.ts";
import { readLog } from "../../lib/store/log/readLog.ts";
import { cutTo, type Damage, flip, garbage } from "./damage.ts";

export const firstSegment = "0000000000000001.log";

/** Magic, version, owner, id, sequence, digest and checksum of the header, and the first batch. */
const segmentOffsets = [
  0, 7, 8, 12, 16, 31, 32, 40, 71, 72, 79, 92, 95, 96, 100, 104, 112, 120, 156,
];

export const fatalForSegment: readonly Damage[] = [
  ...segmentOffsets.map((offset, index) => flip(offset, index % 8)),
  ...[160, 161, 300].map((offset) => flip(offset, 0)),
  ...[0, 2, 95, 96, 100, 160, 161, 511, 4_096, 8_192].map(cutTo),
  ...[2, 100, 5_000, 100_000].map(garbage),
];

/** One damaged slot leaves the other one, so both are damaged. */
export const fatalForHead: readonly Damage[] = [
  ...[0, 1, 100, 511].map(cutTo),
  ...[2, 100, 1_024].map(garbage),
  { what: "zeros", apply: (bytes) => Buffer.alloc(bytes.length) },
];

/** Resolves when the head of a log that is being written names its last entry. */
export async function headWritten(logDir: string): Promise<void> {
  const isWritten = () => {
    const { head } = readLog(logDir, () => {});
    return new HeadFile(readOnlyStorage(logDir)).read()?.sequence === head.sequence;
  };
  for (const deadline = Date.now() + 20_000; !isWritten(); ) {
    if (Date.now() > deadline) throw new Error(`the head of ${logDir} stays behind`);
    await Bun.sleep(50);
  }
}
