/** A file in memory, with what of it is on the disk. */

const sectorBytes = 512;

interface Write {
  offset: number;
  bytes: Uint8Array;
}

export interface Inode {
  /** What a reader sees. */
  cache: Buffer;
  /** Whether the cache is that of another machine as well, so that a writer copies it first. */
  isShared: boolean;
  /** What was on the disk at first, which nobody changes; zeros where it is a number of bytes. */
  readonly first: Buffer | number;
  /** What was written since then and is on the disk. */
  synced: Write[];
  /** What was written and is not on the disk. */
  pending: Write[];
  /** How many syncs have failed. */
  failures: number;
}

export function inodeOf(cache: Buffer, first: Buffer | number): Inode {
  return { cache, isShared: cache === first, first, synced: [], pending: [], failures: 0 };
}

export function writeTo(inode: Inode, offset: number, bytes: Uint8Array): void {
  const end = offset + bytes.length;
  if (end > inode.cache.length) inode.cache = grown(ownBytes(inode), end);
  ownBytes(inode).set(bytes, offset);
  inode.pending.push({ offset, bytes });
}

/** The cache of a file, to be changed by this machine alone. */
export function ownBytes(inode: Inode): Buffer {
  if (inode.isShared) inode.cache = Buffer.from(inode.cache);
  inode.isShared = false;
  return inode.cache;
}

/** A copy of what is on the disk. */
function bytesOnDisk({ first, synced }: Inode): Buffer {
  const bytes = typeof first === "number" ? Buffer.alloc(first) : Buffer.from(first);
  return synced.reduce(written, bytes);
}

function written(bytes: Buffer, write: Write): Buffer {
  const whole = grown(bytes, write.offset + write.bytes.length);
  whole.set(write.bytes, write.offset);
  return whole;
}

function grown(bytes: Buffer, size: number): Buffer {
  return size <= bytes.length ? bytes : Buffer.concat([bytes, Buffer.alloc(size - bytes.length)]);
}

/** Each sector of what was not synced is on the disk or not, in any combination. */
export function survivorOf(inode: Inode, random: () => number): Inode {
  let bytes = bytesOnDisk(inode);
  for (const write of inode.pending) {
    const fate = random();
    if (fate < 0.3) continue;
    const end = write.offset + write.bytes.length;
    bytes = grown(bytes, end);
    for (let at = write.offset; at < end; ) {
      const next = Math.min(end, (Math.floor(at / sectorBytes) + 1) * sectorBytes);
      const isWritten = fate > 0.7 || random() < 0.5;
      if (isWritten) {
        bytes.set(write.bytes.subarray(at - write.offset, next - write.offset), at);
      }
      at = next;
    }
  }
  return inodeOf(bytes, bytes);
}
