/**
 * Uploads under way in the embedded store, one file each, which grows at its end only: its length
 * is how much has arrived, also after a crash. The SHA-256 is computed as the bytes pass; for what
 * another process received it is computed again from the file.
 */

import { createHash, type Hash } from "node:crypto";
import { rmSync, statfsSync, statSync } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { join } from "node:path";
import { digestFile } from "../../files/fileDigest.ts";
import { WsctlError } from "../../protocol/errors.ts";
import { artifactReserveBytes } from "../../protocol/limits.ts";
import type { StoredArtifact } from "../journal/tables/artifactTable.ts";
import { storageError } from "./errors.ts";

/** Where a body belongs; without `start` it is the whole and begins anew. */
export interface ByteRange {
  start?: number;
  /** The place behind its last byte. */
  end: number;
}

export interface Received {
  /** False when the body does not begin where the upload stands: nothing was taken. */
  taken: boolean;
  /** How much is there now. */
  offset: number;
}

/** The types of the two runtimes' readers differ in what is not used here. */
interface Reader {
  read(): Promise<{ done: boolean; value?: Uint8Array | undefined }>;
  cancel(): Promise<void>;
}

interface RunningUpload {
  hash: Hash;
  offset: number;
}

/** Sums that are kept at a time; one that was dropped is computed from the file in the end. */
const runningMax = 256;

export class LocalUploads {
  readonly #dir: string;
  readonly #running = new Map<string, RunningUpload>();
  /** Who writes to a file, to be ended by whoever comes next. */
  readonly #writers = new Map<string, { end: () => void; ended: Promise<void> }>();
  /** Nobody may write to these: they are being compared. */
  readonly #sealed = new Set<string>();

  constructor(dir: string) {
    this.#dir = dir;
  }

  path(artifactId: string): string {
    return join(this.#dir, artifactId);
  }

  offset(artifactId: string): number {
    return statSync(this.path(artifactId), { throwIfNoEntry: false })?.size ?? 0;
  }

  /**
   * Throws `STORAGE_UNAVAILABLE` when so many more bytes would take what the journal needs on the
   * same disk: a result less is better than no commands any more.
   */
  assertSpace(bytes: number): void {
    const { bavail, bsize } = statfsSync(this.#dir);
    const free = bavail * bsize - artifactReserveBytes;
    if (bytes <= free) return;
    throw new WsctlError(
      "STORAGE_UNAVAILABLE",
      `the disk has room for ${Math.max(0, free)} bytes of artifacts, not for ${bytes}: free some space`,
    );
  }

  discard(artifactId: string): void {
    this.#writers.get(artifactId)?.end();
    this.#running.delete(artifactId);
    rmSync(this.path(artifactId), { force: true });
  }

  /**
   * Appends a body as it comes, no faster than the disk takes it. A second body for the same
   * upload ends the first: its sender has most likely given that connection up. `signal` ends it too.
   */
  async receive(
    artifact: StoredArtifact,
    place: ByteRange,
    body: ReadableStream<Uint8Array> | null,
    signal?: AbortSignal,
  ): Promise<Received> {
    const { artifactId } = artifact;
    const reader = (body ?? new ReadableStream({ start: (c) => c.close() })).getReader();
    let hasEnded = () => {};
    const ended = new Promise<void>((resolve) => {
      hasEnded = resolve;
    });
    const former = this.#writers.get(artifactId);
    const writer = { end: () => void reader.cancel().catch(() => {}), ended };
    this.#writers.set(artifactId, writer);
    signal?.addEventListener("abort", writer.end);
    try {
      former?.end();
      await former?.ended;
      return await this.#append(artifact, place, reader);
    } finally {
      hasEnded();
      if (this.#writers.get(artifactId) === writer) this.#writers.delete(artifactId);
    }
  }

  /**
   * Runs something on a file that nobody writes to meanwhile, nor has open to write to: what was
   * compared is what is kept.
   */
  async sealed<T>(artifactId: string, run: () => Promise<T>): Promise<T> {
    this.#sealed.add(artifactId);
    try {
      const writer = this.#writers.get(artifactId);
      writer?.end();
      await writer?.ended;
      return await run();
    } finally {
      this.#sealed.delete(artifactId);
    }
  }

  /** The SHA-256 of an upload that is whole, where it was computed as it came. */
  digest({ artifactId, bytes }: StoredArtifact): string | undefined {
    const running = this.#running.get(artifactId);
    return running?.offset === bytes ? running.hash.copy().digest("hex") : undefined;
  }

  /** The same from the file. */
  async digestFile(artifactId: string): Promise<string> {
    return (await digestFile(this.path(artifactId))).sha256;
  }

  async #append(artifact: StoredArtifact, place: ByteRange, reader: Reader): Promise<Received> {
    const { artifactId } = artifact;
    if (this.#sealed.has(artifactId)) {
      throw new WsctlError("CONFLICT", "the upload is being compared: complete it, or try later");
    }
    // Not looked at before: the former writer may still have been writing.
    const offset = this.offset(artifactId);
    const start = place.start ?? 0;
    if (place.start !== undefined && place.start !== offset) return { taken: false, offset };
    this.assertSpace(place.end - start);
    let file: FileHandle | undefined;
    try {
      file = await open(this.path(artifactId), place.start === undefined ? "w" : "a", 0o600);
      return { taken: true, offset: await this.#copy(artifactId, file, start, place.end, reader) };
    } catch (error) {
      throw storageError(`artifact ${artifactId}`, error);
    } finally {
      await file?.close();
    }
  }

  async #copy(
    artifactId: string,
    file: FileHandle,
    start: number,
    end: number,
    reader: Reader,
  ): Promise<number> {
    const running = this.#runningAt(artifactId, start);
    let offset = start;
    for (;;) {
      const { done, value } = await reader.read().catch((error) => {
        const text = `the connection broke after ${offset} of ${end} bytes: go on from there`;
        throw new WsctlError("CONFLICT", text, { cause: error });
      });
      if (done || value === undefined) return offset;
      if (offset + value.length > end) {
        reader.cancel().catch(() => {});
        throw new WsctlError("TOO_LARGE", `the body goes on beyond its announced end at ${end}`);
      }
      for (let written = 0; written < value.length; ) {
        written += (await file.write(value, written, value.length - written)).bytesWritten;
      }
      offset += value.length;
      running?.hash.update(value);
      if (running !== undefined) running.offset = offset;
      release(value);
    }
  }

  /** The sum of all before this place, or undefined where it is not known. */
  #runningAt(artifactId: string, start: number): RunningUpload | undefined {
    const known = this.#running.get(artifactId);
    const running = start === 0 ? { hash: createHash("sha256"), offset: 0 } : known;
    this.#running.delete(artifactId);
    if (running?.offset !== start) return undefined;
    const oldest = this.#running.keys().next().value;
    if (this.#running.size >= runningMax && oldest !== undefined) this.#running.delete(oldest);
    this.#running.set(artifactId, running);
    return running;
  }
}

/**
 * Gives a piece's memory back at once, where it has that for itself: pieces come faster than a
 * garbage collector takes them for a reason to begin.
 */
function release({ buffer, byteLength }: Uint8Array): void {
  if (buffer instanceof ArrayBuffer && buffer.byteLength === byteLength) buffer.transfer(0);
}
