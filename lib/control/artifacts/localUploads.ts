/**
 * Uploads in progress in the embedded store, one append-only file each. The file length is the
 * number of received bytes, also after a crash. The SHA-256 is computed as bytes arrive; for bytes
 * that another process received it is computed from the file.
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

/** The position of a body in the content; without `start` it is the whole content. */
export interface ByteRange {
  start?: number;
  /** The position after the last byte. */
  end: number;
}

export interface Received {
  /** False if the body does not start at the current offset; nothing was written. */
  taken: boolean;
  /** The number of bytes received so far. */
  offset: number;
}

/** The common part of the reader types of both runtimes. */
interface Reader {
  read(): Promise<{ done: boolean; value?: Uint8Array | undefined }>;
  cancel(): Promise<void>;
}

interface RunningUpload {
  hash: Hash;
  offset: number;
}

/** The maximum number of running hashes; a dropped one is computed from the file at the end. */
const runningMax = 256;

export class LocalUploads {
  readonly #dir: string;
  readonly #running = new Map<string, RunningUpload>();
  /** The current writer of each file; a new writer ends it. */
  readonly #writers = new Map<string, { end: () => void; ended: Promise<void> }>();
  /** Uploads that are being verified and must not be written. */
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
   * Checks that the disk has room. The journal on the same disk takes precedence over results.
   *
   * @throws {WsctlError} STORAGE_UNAVAILABLE
   */
  assertSpace(bytes: number): void {
    const { bavail, bsize } = statfsSync(this.#dir);
    const free = bavail * bsize - artifactReserveBytes;
    if (bytes <= free) return;
    throw new WsctlError(
      "STORAGE_UNAVAILABLE",
      `Disk has room for ${Math.max(0, free)} bytes of artifacts, not for ${bytes}. Free some space`,
    );
  }

  discard(artifactId: string): void {
    this.#writers.get(artifactId)?.end();
    this.#running.delete(artifactId);
    rmSync(this.path(artifactId), { force: true });
  }

  /**
   * Appends a body no faster than the disk writes. A second body for the same upload ends the first
   * one, whose sender has probably given up the connection.
   *
   * @param signal Ends the transfer when aborted.
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
   * Runs a function on a file that no writer has open, so that the verified content is what is
   * stored.
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

  /** Returns the SHA-256 of a complete upload if it was computed as bytes arrived. */
  digest({ artifactId, bytes }: StoredArtifact): string | undefined {
    const running = this.#running.get(artifactId);
    return running?.offset === bytes ? running.hash.copy().digest("hex") : undefined;
  }

  /** Returns the SHA-256 of the file. */
  async digestFile(artifactId: string): Promise<string> {
    return (await digestFile(this.path(artifactId))).sha256;
  }

  async #append(artifact: StoredArtifact, place: ByteRange, reader: Reader): Promise<Received> {
    const { artifactId } = artifact;
    if (this.#sealed.has(artifactId)) {
      throw new WsctlError("CONFLICT", "Upload is being verified. Complete it or try again later");
    }
    // Read only now, because the previous writer may have been writing until here.
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
        const text = `Connection closed after ${offset} of ${end} bytes. Resume from there`;
        throw new WsctlError("CONFLICT", text, { cause: error });
      });
      if (done || value === undefined) return offset;
      if (offset + value.length > end) {
        reader.cancel().catch(() => {});
        throw new WsctlError("TOO_LARGE", `Body exceeds its announced end at ${end}`);
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

  /** Returns the hash of all bytes before this position; undefined if it is not known. */
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

/** Frees the memory of a chunk at once: chunks arrive faster than the garbage collector runs. */
function release({ buffer, byteLength }: Uint8Array): void {
  if (buffer instanceof ArrayBuffer && buffer.byteLength === byteLength) buffer.transfer(0);
}
