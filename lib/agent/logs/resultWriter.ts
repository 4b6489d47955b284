/** Writes collected lines to a file, with their count and hash. */
import { createHash } from "node:crypto";
import { closeSync, openSync, readSync, writeSync } from "node:fs";
import { errorText, WsctlError } from "../../protocol/errors.ts";

const bufferBytes = 256 * 1024;
const lineFeed = 10;

export interface ResultInfo {
  lines: number;
  bytes: number;
  /** SHA-256 in hexadecimal. */
  sha256: string;
}

export class ResultWriter {
  readonly path: string;
  readonly #fd: number;
  readonly #bytesMax: number;
  readonly #hash = createHash("sha256");
  readonly #buffer = Buffer.alloc(bufferBytes);
  #buffered = 0;
  #bytes = 0;
  #lineFeeds = 0;
  #isMidLine = false;

  /** Creates a new file that only this user can read. */
  constructor(path: string, bytesMax: number) {
    this.path = path;
    this.#bytesMax = bytesMax;
    try {
      this.#fd = openSync(path, "w+", 0o600);
    } catch (error) {
      throw cannotWrite(path, error);
    }
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** A last line without a line feed counts. */
  get lines(): number {
    return this.#lineFeeds + (this.#isMidLine ? 1 : 0);
  }

  /** Whether the last line has no line feed yet. */
  get isMidLine(): boolean {
    return this.#isMidLine;
  }

  write(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    if (this.#bytes + bytes.length > this.#bytesMax) {
      const advice = "limit it by lines, since, until or grep";
      throw new WsctlError(
        "TOO_LARGE",
        `The result has more than ${this.#bytesMax} bytes: ${advice}`,
      );
    }
    this.#bytes += bytes.length;
    this.#isMidLine = bytes[bytes.length - 1] !== lineFeed;
    for (let at = bytes.indexOf(lineFeed); at >= 0; at = bytes.indexOf(lineFeed, at + 1)) {
      this.#lineFeeds++;
    }
    if (this.#buffered + bytes.length > bufferBytes) this.flush();
    if (bytes.length > bufferBytes) this.#append(bytes);
    else {
      this.#buffer.set(bytes, this.#buffered);
      this.#buffered += bytes.length;
    }
  }

  /**
   * Ends an incomplete line, so that the last line of one file and the first of the next stay
   * separate.
   */
  endLine(): void {
    if (this.#isMidLine) this.write(Uint8Array.of(lineFeed));
  }

  flush(): void {
    const ready = this.#buffer.subarray(0, this.#buffered);
    this.#buffered = 0;
    this.#append(ready);
  }

  /** Reads back what was written, in chunks that are valid during the call. */
  replay(take: (bytes: Uint8Array) => void): void {
    this.flush();
    const buffer = Buffer.alloc(Math.min(bufferBytes, Math.max(1, this.#bytes)));
    for (let at = 0; at < this.#bytes; ) {
      const length = readSync(this.#fd, buffer, 0, buffer.length, at);
      if (length === 0) return;
      take(buffer.subarray(0, length));
      at += length;
    }
  }

  /** Closes the file; no more writes are possible. */
  finish(): ResultInfo {
    this.flush();
    return { lines: this.lines, bytes: this.#bytes, sha256: this.#hash.digest("hex") };
  }

  close(): void {
    closeSync(this.#fd);
  }

  #append(bytes: Uint8Array): void {
    this.#hash.update(bytes);
    try {
      for (let at = 0; at < bytes.length; ) at += writeSync(this.#fd, bytes, at);
    } catch (error) {
      throw cannotWrite(this.path, error);
    }
  }
}

function cannotWrite(path: string, error: unknown): WsctlError {
  return new WsctlError("INTERNAL", `Cannot write ${path}: ${errorText(error)}`, { cause: error });
}
