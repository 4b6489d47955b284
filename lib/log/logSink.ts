/**
 * Writes log lines to standard error. If the reader has closed it, the disk is full or the reader
 * is slow, lines are dropped, counted, and reported when a line can be written again. Logging never
 * ends the process, blocks it, or takes unbounded memory.
 */
import { writeSync } from "node:fs";

/** The maximum number of bytes that wait for a slow reader. */
const waitingBytesMax = 1024 * 1024;

export interface LogSinkOptions {
  stream: NodeJS.WritableStream & { fd: number };
  /** Returns the line that reports dropped lines. */
  tell(lost: number): string;
}

export class LogSink {
  readonly #options: LogSinkOptions;
  #waitingBytes = 0;
  #lost = 0;
  /** A stream that has failed may never write again, but its descriptor still may. */
  #isDirect = false;

  constructor(options: LogSinkOptions) {
    this.#options = options;
    // Without a listener, a write error would end the process.
    options.stream.on("error", () => {});
  }

  /** Writes a whole line, or counts it as dropped. */
  write(line: string): void {
    const lost = this.#lost;
    if (lost > 0) {
      this.#lost = 0;
      this.#put(this.#options.tell(lost), lost);
    }
    this.#put(line, 1);
  }

  #put(line: string, lines: number): void {
    const bytes = Buffer.byteLength(line);
    const { stream } = this.#options;
    if (this.#waitingBytes + bytes > waitingBytesMax) {
      this.#lost += lines;
    } else if (this.#isDirect) {
      this.#putDirectly(line, lines);
    } else {
      this.#waitingBytes += bytes;
      try {
        stream.write(line, (error) => {
          this.#waitingBytes -= bytes;
          if (error) this.#lost += lines;
        });
      } catch {
        this.#isDirect = true;
        this.#waitingBytes = 0;
        this.#putDirectly(line, lines);
      }
    }
  }

  #putDirectly(line: string, lines: number): void {
    try {
      writeSync(this.#options.stream.fd, line);
    } catch {
      this.#lost += lines;
    }
  }
}
