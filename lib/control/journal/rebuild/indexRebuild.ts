/**
 * Builds the whole index from the log while the control plane serves with an index of what holds
 * now, and then puts it in its place.
 */
import { errorText, WsctlError } from "../../../protocol/errors.ts";
import type { EntryPlace, LogEntry } from "../../../store/log/segments.ts";
import type { Clock } from "../../../time/clock.ts";
import type { FactBatch, IndexBuilder } from "../feed/journalIndex.ts";
import type { Recorder } from "../recorder.ts";
import type { TakenKeys } from "./takenKeys.ts";

export interface IndexRebuildOptions {
  recorder: Recorder;
  builder: IndexBuilder;
  takenKeys: TakenKeys;
  clock: Pick<Clock, "after">;
  onProgress?(entries: number): void;
  onFault?(error: WsctlError): void;
}

/** Entries that are read and written at once: the event loop stands still while they are read. */
const entriesAtOnce = 1_000;
const retryMs = 60_000;

export class IndexRebuild {
  readonly #options: IndexRebuildOptions;
  readonly #done = Promise.withResolvers<void>();
  #through = 0;
  #place: EntryPlace | undefined;
  #state: "running" | "complete" | "closed" = "running";

  constructor(options: IndexRebuildOptions) {
    this.#options = options;
    options.clock.after(0, () => void this.#run());
  }

  get isRunning(): boolean {
    return this.#state === "running";
  }

  /** The part of the log that the index has, from 0 to 1. */
  get progress(): number {
    return this.#through / Math.max(1, this.#options.recorder.log.sequence);
  }

  /** Resolves when the whole index is in its place. */
  get complete(): Promise<void> {
    return this.#done.promise;
  }

  /** Whether a job with this idempotency key may be in the log, and not in the index yet. */
  mayHaveKey(key: string): boolean {
    return this.isRunning && this.#options.takenKeys.has(key);
  }

  close(): void {
    if (this.isRunning) this.#state = "closed";
  }

  /** @throws {WsctlError} UNAVAILABLE with what cannot be found yet */
  assertComplete(what: string): void {
    if (!this.isRunning) return;
    const share = `${Math.floor(this.progress * 100)}% is done`;
    const text = `Cannot find ${what} yet: the index is being rebuilt, ${share}. Try again later`;
    throw new WsctlError("UNAVAILABLE", text);
  }

  async #run(): Promise<void> {
    const { builder, clock, onFault } = this.#options;
    if (!this.isRunning) return;
    try {
      await builder.begin();
      [this.#through, this.#place] = [0, undefined];
      while (this.isRunning && !this.#isNearEnd) {
        await builder.write(this.#read());
        this.#options.onProgress?.(this.#through);
      }
      if (this.isRunning) this.#finish();
    } catch (error) {
      if (!this.isRunning) return;
      const text = `Cannot rebuild the index of the log: ${errorText(error)}`;
      onFault?.(new WsctlError("STORAGE_UNAVAILABLE", `${text}. Trying again in a minute`));
      clock.after(retryMs, () => void this.#run());
    }
  }

  get #isNearEnd(): boolean {
    return this.#options.recorder.log.sequence - this.#through < entriesAtOnce;
  }

  /** What is missing is little now: it is written while nothing else is. */
  #finish(): void {
    const { recorder, builder } = this.#options;
    recorder.log.settle();
    recorder.feed.apply();
    const { sequence, digest } = recorder.log;
    builder.finish(this.#read(), { sequence, digest });
    this.#state = "complete";
    this.#done.resolve();
  }

  /** Reads the next entries, in whole batches. */
  #read(): FactBatch[] {
    const { log } = this.#options.recorder;
    const batches: { lines: string[]; place: EntryPlace }[] = [];
    let count = 0;
    const take = ({ line, sequence, segment, offset, isLast }: LogEntry): boolean => {
      const last = batches.at(-1);
      if (last?.place.offset === offset && last.place.segment === segment) last.lines.push(line);
      else batches.push({ lines: [line], place: { sequence, segment, offset } });
      this.#through = sequence;
      count++;
      return !(isLast && count >= entriesAtOnce);
    };
    // The place of the batch that was read last: what is before it is not read again.
    log.scan(this.#through, take, this.#place);
    this.#place = batches.at(-1)?.place ?? this.#place;
    return batches;
  }
}
