/**
 * Where lines of log go: standard error, for as long as it takes them. A reader that is gone, a
 * full disk or a reader that does not read cost lines, which are counted and told of as soon as a
 * line can be written again. They never cost the process, nor time or memory without end.
 */
import { writeSync } from "node:fs";

/** What waits for a reader that does not read. */
const waitingBytesMax = 1024 * 1024;

export interface LogSinkOptions {
  stream: NodeJS.WritableStream & { fd: number };
  /** The line that tells of so many lost ones. */
  tell(lost: number): string;
}

export class LogSink {
  readonly #options: LogSinkOptions;
  #waitingBytes = 0;
  #lost = 0;
  /** A stream that has thrown may never write again: its descriptor still may. */
  #isDirect = false;

  constructor(options: LogSinkOptions) {
    this.#options = options;
    // Without a listener the fault of one line would end the process.
    options.stream.on("error", () => {});
  }

  /** Writes a whole line, or counts it as lost. */
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
