/**
 * Reads a backup: unpacks it, verifies it, and makes a data directory of it. A restored control
 * plane does not know what happened after the backup, so it repeats nothing: requests that were
 * open end as `lost`, and schedules are paused.
 */
import { createHash, type Hash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { basename, join } from "node:path";
import { Readable, Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import { extract } from "tar";
import * as v from "valibot";
import { syncPath } from "../../files/atomicWrite.ts";
import { digestFile } from "../../files/fileDigest.ts";
import { errorText, WsctlError } from "../../protocol/errors.ts";
import { formatIssue } from "../../protocol/schemaError.ts";
import { logOwners } from "../../store/log/format.ts";
import { readLog } from "../../store/log/readLog.ts";
import type { Clock } from "../../time/clock.ts";
import type { ControlWrite } from "../core/model.ts";
import type { ControlJournal } from "../journal/journal.ts";
import { openControlJournal } from "../journal/openControlJournal.ts";
import { pausedSchedule } from "../journal/tables/scheduleTable.ts";
import { BackupManifest, manifestName, sumsName } from "./manifest.ts";

/** Only these files are unpacked, so that an archive cannot write anywhere else. */
const known = /^(manifest\.json|SHA256SUMS|log\/(head|\d{16}\.log(\.zst)?)|tls\/ca(-key)?\.pem)$/;

/** This file is a secret, so it is written only where it is needed. */
const keyName = "tls/ca-key.pem";

/**
 * Unpacks a backup into an empty directory and verifies it.
 *
 * @param archive the archive, not encrypted
 * @throws {WsctlError} USAGE if it is not an intact backup
 */
export function unpackBackup(
  archive: AsyncIterable<Uint8Array>,
  dir: string,
): Promise<BackupManifest> {
  return unpack(archive, dir, false);
}

/**
 * Verifies a backup as `unpackBackup` does, but never writes the key of the certificate authority.
 *
 * @param dir for the other files
 * @throws {WsctlError} USAGE if it is not an intact backup
 */
export function verifyBackup(
  archive: AsyncIterable<Uint8Array>,
  dir: string,
): Promise<BackupManifest> {
  return unpack(archive, dir, true);
}

async function unpack(
  archive: AsyncIterable<Uint8Array>,
  dir: string,
  isKeyWithheld: boolean,
): Promise<BackupManifest> {
  const names = new Set<string>();
  let foreign: string | undefined;
  const keyHash = createHash("sha256");
  for (const part of ["log", "tls"]) mkdirSync(join(dir, part), { mode: 0o700, recursive: true });
  const extraction = extract({
    ...{ cwd: dir, strict: true, noMtime: true },
    filter: (path, entry) => {
      const isKnown = known.test(path) && "type" in entry && entry.type === "File";
      if (isKnown) names.add(path);
      else foreign ??= path;
      return isKnown;
    },
    onReadEntry: (entry) => {
      entry.mode = 0o600;
    },
    transform: (entry) => {
      if (isKeyWithheld && entry.path === keyName) return withhold(keyHash) as never;
    },
  });
  try {
    await pipeline(Readable.from(asBuffers(archive)), extraction);
  } catch (error) {
    throw unpackFault(error, dir);
  }
  if (foreign !== undefined) throw unusable(`it contains "${foreign}"`);
  const key = isKeyWithheld ? keyHash.digest("hex") : undefined;
  await verifySums(dir, names, key);
  const manifest = readManifest(join(dir, manifestName));
  verifyLog(join(dir, "log"), manifest);
  return manifest;
}

/** An error of the disk says nothing about the backup. */
function unpackFault(error: unknown, dir: string): WsctlError {
  if (error instanceof WsctlError) return error;
  const { code = "", syscall } = error as NodeJS.ErrnoException;
  if (code.startsWith("TAR_")) return unusable("it is not a backup, or it is damaged");
  if (syscall === undefined || syscall === "read") return unusable(errorText(error));
  const text = `Cannot write to "${dir}": ${errorText(error)}`;
  return new WsctlError("STORAGE_UNAVAILABLE", text, { cause: error });
}

/** Passes nothing on. */
function withhold(hash: Hash): Transform {
  return new Transform({
    transform: (chunk, _encoding, done) => {
      hash.update(chunk);
      done();
    },
  });
}

/** The library takes no other arrays of bytes. */
async function* asBuffers(pieces: AsyncIterable<Uint8Array>): AsyncGenerator<Buffer> {
  for await (const { buffer, byteOffset, byteLength } of pieces) {
    yield Buffer.from(buffer, byteOffset, byteLength);
  }
}

/**
 * Compares all files with their sums, and removes the file with the sums.
 *
 * @param keySum of the key that was not written
 */
async function verifySums(
  dir: string,
  names: ReadonlySet<string>,
  keySum: string | undefined,
): Promise<void> {
  const path = join(dir, sumsName);
  if (!names.has(sumsName)) throw unusable("it is not complete: its last file is missing");
  const lines = readFileSync(path, "utf8").split("\n").slice(0, -1);
  const sums = new Map(lines.map((line) => [line.slice(66), line.slice(0, 64)]));
  for (const name of sums.keys())
    if (!names.has(name)) throw unusable(`the file "${name}" is missing`);
  for (const name of names) {
    if (name === sumsName) continue;
    const sum = sums.get(name);
    if (sum === undefined) throw unusable(`${sumsName} lacks the file "${name}"`);
    const isWithheld = keySum !== undefined && name === keyName;
    const found = isWithheld ? keySum : (await digestFile(join(dir, name))).sha256;
    if (found !== sum) throw unusable(`the file "${name}" is damaged`);
  }
  rmSync(path);
}

function readManifest(path: string): BackupManifest {
  if (!existsSync(path)) throw unusable(`it has no ${manifestName}`);
  let value: unknown;
  try {
    value = JSON.parse(readFileSync(path, "utf8"));
  } catch (error) {
    throw unusable(`${manifestName}: ${errorText(error)}`);
  }
  const parsed = v.safeParse(BackupManifest, value);
  if (parsed.success) return parsed.output;
  throw unusable(`${manifestName}: ${formatIssue(parsed.issues[0])}`);
}

function verifyLog(path: string, { last_sequence, digest, first_sequence }: BackupManifest): void {
  const { owner, head, start } = readLog(path, () => {});
  if (owner !== logOwners.controlPlane) throw unusable("its log is not one of a control plane");
  const isSame = head.sequence === last_sequence && head.digest === digest;
  if (isSame && start.sequence + 1 === first_sequence) return;
  throw unusable(
    `its log has the entries ${start.sequence + 1} to ${head.sequence}, not those of ${manifestName}`,
  );
}

function unusable(reason: string): WsctlError {
  return new WsctlError("USAGE", `Cannot use the backup: ${reason}`);
}

export interface RestoreOptions {
  /** The directory with the unpacked backup. */
  unpacked: string;
  /** The data directory, which must be empty or missing. */
  dataDir: string;
  manifest: BackupManifest;
  clock: Clock;
  tryLock(fd: number, path: string): boolean;
}

export interface Restored {
  /** The number of requests that ended as lost. */
  lost: number;
  /** The names of the schedules that were paused. */
  paused: string[];
}

/**
 * Makes a data directory of an unpacked backup.
 *
 * @throws {WsctlError} USAGE if the data directory is not empty, STORAGE_UNAVAILABLE
 */
export function restoreBackup(options: RestoreOptions): Restored {
  const { unpacked, dataDir, manifest, clock, tryLock } = options;
  assertEmpty(dataDir, basename(unpacked));
  rmSync(join(unpacked, manifestName));
  const journal = openControlJournal({ dataDir: unpacked, clock, tryLock });
  let restored: Restored;
  try {
    restored = endWhatIsUnknown(journal, manifest, clock);
  } finally {
    journal.close();
  }
  for (const name of readdirSync(unpacked)) renameSync(join(unpacked, name), join(dataDir, name));
  syncPath(dataDir);
  return restored;
}

/**
 * @param own the directory of this restore in it
 * @throws {WsctlError} USAGE
 */
export function assertEmpty(dataDir: string, own?: string): void {
  const names = namesIn(dataDir);
  // A new file system has a directory for what its check finds.
  const found = names.find((name) => name !== own && name !== "lost+found");
  if (found === undefined) return;
  const text = `Cannot restore to "${dataDir}": it is not empty, it contains "${found}"`;
  throw new WsctlError("USAGE", `${text}. Specify an empty directory`);
}

/** @throws {WsctlError} USAGE if it is there, and cannot be listed */
function namesIn(dataDir: string): string[] {
  try {
    return existsSync(dataDir) ? readdirSync(dataDir) : [];
  } catch (error) {
    const isFile = (error as NodeJS.ErrnoException).code === "ENOTDIR";
    const reason = isFile ? "it is not a directory" : errorText(error);
    throw new WsctlError("USAGE", `Cannot use data directory "${dataDir}": ${reason}`);
  }
}

/** How the directory begins in which a backup is unpacked, below the data directory. */
export const restorePrefix = ".restore-";

/**
 * Refuses a data directory in which a restore was interrupted.
 * @throws {WsctlError} USAGE
 */
export function assertNoUnfinishedRestore(dataDir: string): void {
  const names = namesIn(dataDir);
  if (!names.some((name) => name.startsWith(restorePrefix))) return;
  const text = `Cannot serve from "${dataDir}": a restore to it did not finish`;
  throw new WsctlError("USAGE", `${text}. Delete what is in it, and run wsctl restore again`);
}

function endWhatIsUnknown(
  journal: ControlJournal,
  { created_at, last_sequence }: BackupManifest,
  clock: Clock,
): Restored {
  const now = clock.wall();
  const message = `the control plane was restored from a backup of ${created_at}, which does not know how this request ended`;
  const { jobs, requests } = journal.open();
  const created = new Map(jobs.map(({ jobId, createdAt }) => [jobId, createdAt]));
  const writes = requests.map(({ requestId, jobId, agentId }): ControlWrite => {
    const durationMs = Math.max(0, now - (created.get(jobId) ?? now));
    const ended = { outcome: "lost" as const, code: "INTERRUPTED", message, endedAt: now };
    return { type: "putOutcome", outcome: { requestId, jobId, agentId, ...ended, durationMs } };
  });
  if (writes.length > 0) journal.commitNow(writes);
  const running = journal.schedules.all().filter(({ pausedAt }) => pausedAt === undefined);
  const pauseReason = "restored from a backup";
  for (const each of running) journal.schedules.put(pausedSchedule(each, now, pauseReason));
  journal.lineage.restored(now);
  const resource = { created_at, last_sequence, lost: writes.length, paused: running.length };
  journal.audit.write({ action: "backup.restore", outcome: "accepted", resource });
  return { lost: writes.length, paused: running.map(({ spec }) => spec.name) };
}
