/** Writes and reads backup files, which may be encrypted in the age format (age-encryption.org). */
import { createHash } from "node:crypto";
import {
  closeSync,
  createReadStream,
  existsSync,
  fsyncSync,
  openSync,
  readSync,
  renameSync,
  statSync,
  writeSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { Readable } from "node:stream";
import type { BackupManifest } from "../../lib/control/backup/manifest.ts";
import { verifyBackup } from "../../lib/control/backup/restoreBackup.ts";
import { syncPath } from "../../lib/files/atomicWrite.ts";
import { digestFile } from "../../lib/files/fileDigest.ts";
import { errorText, WsctlError } from "../../lib/protocol/errors.ts";
import { usage } from "../cli/strictArgs.ts";
import { readTrustedFile } from "../flags/connection.ts";
import { readPassphrase } from "../signing/keyFiles.ts";
import { withTemporaryDir } from "./temporaryDir.ts";

/** How a backup is encrypted; not at all if both are absent. */
export interface Protection {
  "passphrase-file"?: string | undefined;
  recipients: readonly string[];
}

type Bytes = ReadableStream<Uint8Array>;

/** All runtimes can iterate over a stream; the types of the DOM do not say so. */
function piecesOf(stream: Bytes): AsyncIterable<Uint8Array> {
  return stream as unknown as AsyncIterable<Uint8Array>;
}

/**
 * Writes a backup to a file that no other user can read, and verifies what was written before the
 * file gets its name.
 *
 * @throws {WsctlError} USAGE, STORAGE_UNAVAILABLE, or the error of the control plane
 */
export async function writeBackup(
  path: string,
  protection: Protection,
  request: () => Promise<Bytes>,
): Promise<BackupManifest> {
  const encrypt = await encryption(protection);
  return await withTemporaryDir(dirname(path), ".wsctl-backup-", async (dir) => {
    const [stored, checked] = (await request()).tee();
    const check = verifyBackup(piecesOf(checked), join(dir, "check"));
    check.catch(() => {});
    const unfinished = join(dir, "backup");
    const sha256 = await writePieces(unfinished, piecesOf(await encrypt(stored))).catch((error) => {
      throw writeFault(path, error);
    });
    const manifest = await check;
    if ((await digestFile(unfinished)).sha256 !== sha256)
      throw new WsctlError("STORAGE_UNAVAILABLE", `Cannot write "${path}": it reads back damaged`);
    assertNew(path);
    renameSync(unfinished, path);
    syncPath(dirname(path));
    return manifest;
  });
}

/** The file of the error has a temporary name, or none. */
function writeFault(path: string, error: unknown): unknown {
  if ((error as NodeJS.ErrnoException).syscall === undefined) return error;
  const text = `Cannot write the backup "${path}": ${errorText(error)}`;
  return new WsctlError("STORAGE_UNAVAILABLE", text, { cause: error });
}

/** @throws {WsctlError} USAGE if there is a file already */
export function assertNew(path: string): void {
  if (!existsSync(path)) return;
  throw usage(`Cannot write the backup "${path}": the file exists. Specify another name`);
}

/** Returns the SHA-256 of what was written, in hexadecimal. */
async function writePieces(path: string, pieces: AsyncIterable<Uint8Array>): Promise<string> {
  const hash = createHash("sha256");
  const fd = openSync(path, "wx", 0o600);
  try {
    for await (const piece of pieces) {
      hash.update(piece);
      for (let at = 0; at < piece.length; ) at += writeSync(fd, piece, at);
    }
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
  return hash.digest("hex");
}

async function encryption({ "passphrase-file": file, recipients }: Protection) {
  const passphrase = readPassphrase(file);
  if (passphrase === undefined && recipients.length === 0) return async (plain: Bytes) => plain;
  if (passphrase !== undefined && recipients.length > 0) {
    throw usage("Flags --passphrase-file and --recipient cannot be combined: specify one of them");
  }
  const { Encrypter } = await import("age-encryption");
  const encrypter = new Encrypter();
  if (passphrase !== undefined) encrypter.setPassphrase(passphrase);
  for (const recipient of recipients) {
    try {
      encrypter.addRecipient(recipient);
    } catch (error) {
      throw usage(`Flag --recipient is "${recipient}": ${errorText(error)}`);
    }
  }
  // The library's streams are those of its own types, and the same at run time.
  return async (plain: Bytes) => (await encrypter.encrypt(plain as never)) as unknown as Bytes;
}

/** @throws {WsctlError} USAGE if there is no such file */
export function assertFile(path: string): void {
  const found = statSync(path, { throwIfNoEntry: false });
  const reason = found === undefined ? "the file does not exist" : "it is not a file";
  if (!found?.isFile()) throw usage(`Cannot read the backup "${path}": ${reason}`);
}

export interface Opening {
  "passphrase-file"?: string | undefined;
  "identity-file"?: string | undefined;
}

const ageStart = "age-encryption.org/";

/**
 * Opens a backup for reading, and decrypts it if it is encrypted.
 *
 * @throws {WsctlError} USAGE if there is no such file, or it cannot be decrypted
 */
export async function openBackup(
  path: string,
  opening: Opening,
): Promise<AsyncIterable<Uint8Array>> {
  assertFile(path);
  const isPlain = !isEncrypted(path);
  const plain = createReadStream(path);
  if (isPlain) return plain;
  const { "passphrase-file": passphraseFile, "identity-file": identityFile } = opening;
  const passphrase = readPassphrase(passphraseFile);
  if (passphrase === undefined && identityFile === undefined) {
    throw usage(
      `Cannot read the backup "${path}": it is encrypted. Specify --passphrase-file or --identity-file`,
    );
  }
  const { Decrypter } = await import("age-encryption");
  const decrypter = new Decrypter();
  try {
    if (passphrase !== undefined) decrypter.addPassphrase(passphrase);
    if (identityFile !== undefined) {
      for (const identity of identitiesIn(readTrustedFile("Flag --identity-file", identityFile))) {
        decrypter.addIdentity(identity);
      }
    }
    const decrypted = await decrypter.decrypt(Readable.toWeb(plain) as never);
    // A stream gives a stream, which the library says of its own type of streams only.
    return piecesOf(decrypted as unknown as Bytes);
  } catch (error) {
    throw usage(`Cannot decrypt the backup "${path}": ${errorText(error)}`);
  }
}

/** Identity files have comments, as age-keygen writes them. */
function identitiesIn(text: string): string[] {
  return text
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "" && !line.startsWith("#"));
}

function openToRead(path: string): number {
  try {
    return openSync(path, "r");
  } catch (error) {
    throw usage(`Cannot read the backup "${path}": ${errorText(error)}`);
  }
}

function isEncrypted(path: string): boolean {
  const fd = openToRead(path);
  try {
    const start = Buffer.alloc(ageStart.length);
    readSync(fd, start, 0, start.length, 0);
    return start.toString("latin1") === ageStart;
  } finally {
    closeSync(fd);
  }
}
