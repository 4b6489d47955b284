/**
 * A backup of a control plane that serves: a tar archive of its log up to one entry, and of its
 * certificate authority. Closed segments never change, and the written one is copied up to the end
 * of a batch, so the copy is consistent.
 */
import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { dirname, join } from "node:path";
import { setImmediate } from "node:timers/promises";
import { Header } from "tar";
import { WsctlError } from "../../protocol/errors.ts";
import { timestamp } from "../../protocol/timestamp.ts";
import { version } from "../../protocol/wire/version.ts";
import { openSegment } from "../../store/log/compressed/segmentFile.ts";
import { readOnlyStorage } from "../../store/log/fileStorage.ts";
import { toHex } from "../../store/log/format.ts";
import { encodeHeadFile } from "../../store/log/head.ts";
import { compressedName, headName, segmentName } from "../../store/log/storage.ts";
import type { ControlJournal } from "../journal/journal.ts";
import { type BackupManifest, backupFormat, manifestName, sumsName } from "./manifest.ts";

export interface BackupOptions {
  dataDir: string;
  journal: ControlJournal;
  /** Whether the private key of the certificate authority is included. */
  withSecrets: boolean;
  /** The current time in milliseconds since 1970. */
  now: number;
}

interface Member {
  name: string;
  bytes: number;
  /** A segment, of which the first `bytes` are copied, or the content. */
  source: SegmentSource | Uint8Array;
}

interface SegmentSource {
  path: string;
  /** The sequence of its first entry. */
  first: number;
}

const blockBytes = 512;
const chunkBytes = 256 * 1024;
const authorityFiles = ["ca.pem"];
const secretFiles = ["ca-key.pem"];

/**
 * Yields the archive piece by piece. The log is fixed at the first piece.
 *
 * @throws {WsctlError} STORAGE_UNAVAILABLE if a segment was removed meanwhile
 */
export async function* createBackup(options: BackupOptions): AsyncGenerator<Uint8Array> {
  let sums = "";
  for (const member of listMembers(options)) {
    const sum = yield* encodeMember(member, options.now);
    sums += `${sum}  ${member.name}\n`;
  }
  yield* encodeMember(toMember(sumsName, Buffer.from(sums)), options.now);
  yield new Uint8Array(2 * blockBytes);
}

/** Returns the SHA-256 of the content, in hexadecimal. */
async function* encodeMember(member: Member, now: number): AsyncGenerator<Uint8Array, string> {
  const { source, bytes } = member;
  const hash = createHash("sha256");
  yield encodeHeader(member, now);
  for await (const piece of source instanceof Uint8Array ? [source] : readStart(source, bytes)) {
    hash.update(piece);
    yield piece;
  }
  yield new Uint8Array((blockBytes - (bytes % blockBytes)) % blockBytes);
  return hash.digest("hex");
}

function listMembers({ dataDir, journal, withSecrets, now }: BackupOptions): Member[] {
  const { log } = journal.recorder;
  log.settle();
  const segments = log.segments;
  const head = { sequence: log.sequence, digest: log.digest };
  const start = segments[0]?.first ?? 1;
  const manifest: BackupManifest = {
    format: backupFormat,
    version,
    created_at: timestamp(now),
    control_id: journal.controlId,
    first_sequence: start,
    last_sequence: head.sequence,
    digest: toHex(head.digest),
    has_secrets: withSecrets,
  };
  const files = segments.map(({ first, end, bytes, isCompressed }) => {
    const name = isCompressed ? compressedName(first) : segmentName(first);
    const source = { path: join(dataDir, "log", name), first };
    return { name: `log/${name}`, bytes: isCompressed ? bytes : end, source };
  });
  const names = withSecrets ? [...authorityFiles, ...secretFiles] : authorityFiles;
  const authority = names.flatMap((name) => {
    const path = join(dataDir, "tls", name);
    return existsSync(path) ? [toMember(`tls/${name}`, readFileSync(path))] : [];
  });
  const headFile = encodeHeadFile({ logId: log.logId, start, ...head });
  return [
    toMember(manifestName, Buffer.from(`${JSON.stringify(manifest, null, 2)}\n`)),
    toMember(`log/${headName}`, headFile),
    ...files,
    ...authority,
  ];
}

function toMember(name: string, content: Uint8Array): Member {
  return { name, bytes: content.length, source: content };
}

function encodeHeader({ name, bytes }: Member, now: number): Uint8Array {
  const block = Buffer.alloc(blockBytes);
  const mtime = new Date(now);
  new Header({ path: name, mode: 0o600, size: bytes, mtime, type: "File" }).encode(block);
  return block;
}

/** The first bytes of a segment, which must have that many. */
async function* readStart(source: SegmentSource, bytes: number): AsyncGenerator<Uint8Array> {
  const { path } = source;
  const file = await openIfExists(path);
  if (file === undefined) return yield* readPlain(source, bytes);
  try {
    for (let at = 0; at < bytes; ) {
      const length = Math.min(chunkBytes, bytes - at);
      const { bytesRead, buffer } = await file.read(Buffer.alloc(length), 0, length, at);
      if (bytesRead === 0) throw tooShort(path);
      at += bytesRead;
      yield buffer.subarray(0, bytesRead);
    }
  } finally {
    await file.close();
  }
}

async function openIfExists(path: string): Promise<FileHandle | undefined> {
  try {
    return await open(path, "r");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    return undefined;
  }
}

/** The plain bytes of a segment that was compressed after the backup had begun. */
async function* readPlain({ path, first }: SegmentSource, bytes: number) {
  const file = openSegment(readOnlyStorage(dirname(path)), first);
  try {
    for (let at = 0; at < bytes; at += chunkBytes) {
      const wanted = Math.min(chunkBytes, bytes - at);
      const piece = file.read(at, wanted);
      if (piece.length < wanted) throw tooShort(path);
      yield piece;
      await setImmediate();
    }
  } finally {
    file.close();
  }
}

function tooShort(path: string): WsctlError {
  const text = `Cannot back up "${path}": the file is shorter than it was. Try again`;
  return new WsctlError("STORAGE_UNAVAILABLE", text);
}
