/**
 * Feeds the index with the facts of the log: many commits in one transaction, a moment later. A
 * read waits until the index has everything about what it reads. Facts stay here until the index
 * has them.
 */
import { errorText, WsctlError } from "../../../protocol/errors.ts";
import type { ChainEnd } from "../../../store/log/segments.ts";
import type { Clock } from "../../../time/clock.ts";
import type { JournalIndex } from "./journalIndex.ts";
import { type UnappliedBatch, UnappliedFacts } from "./unapplied.ts";

export interface IndexFeedOptions {
  index: JournalIndex;
  clock: Pick<Clock, "after">;
  /** The end of what is durable in the log. */
  head(): ChainEnd;
  /** Reports that the index cannot be written, once until it can be. */
  onFault?(error: WsctlError): void;
}

/** The index has a fact at most this much later than the log, in milliseconds. */
const delayMs = 25;
/** Facts are written into the index when this many wait, or this many characters of them. */
const factsAtOnce = 500;
const charsAtOnce = 512 * 1024;
/** With more than this, the log waits for the index. */
const factsMax = 30_000;
const charsMax = 4 * 1024 * 1024;

export class IndexFeed {
  readonly #options: IndexFeedOptions;
  #gathered = new UnappliedFacts();
  /** What the index is writing. */
  #writing: UnappliedFacts | undefined;
  #cancel: (() => void) | undefined;
  /** Why the last write failed. Nothing is recorded before the index has what is missing. */
  #failure: WsctlError | undefined;

  constructor(options: IndexFeedOptions) {
    this.#options = options;
  }

  /** How many facts the index lacks. */
  get unappliedCount(): number {
    return this.#gathered.factCount + (this.#writing?.factCount ?? 0);
  }

  /** Takes durable facts, in the order of the log. */
  add(batch: UnappliedBatch): void {
    this.#gathered.add(batch);
    const { factCount, chars } = this.#gathered;
    if (factCount >= factsMax || chars >= charsMax) this.#options.index.settle();
    this.#schedule();
  }

  /**
   * Waits for what is missing in the index about a job or a request.
   *
   * @throws {WsctlError} STORAGE_UNAVAILABLE if the index cannot be written
   */
  applyFor(id: string): void {
    if (this.#misses((facts) => facts.isAbout(id))) this.apply();
  }

  /** Does the same for an idempotency key. @throws {WsctlError} STORAGE_UNAVAILABLE */
  applyForKey(key: string): void {
    if (this.#misses((facts) => facts.hasKey(key))) this.apply();
  }

  /**
   * Makes a list of jobs possible. It lacks none, but may show one as open that has just ended.
   *
   * @throws {WsctlError} STORAGE_UNAVAILABLE if a job is missing in the index
   */
  applyForList(): void {
    if (this.#misses((facts) => facts.hasNewJob)) this.apply();
    else this.tryApply();
  }

  /** Waits for what is missing about anything else. @throws {WsctlError} STORAGE_UNAVAILABLE */
  applyTables(): void {
    if (this.#misses((facts) => facts.isAboutTables)) this.apply();
  }

  /**
   * Waits until the index has everything.
   *
   * @throws {WsctlError} STORAGE_UNAVAILABLE if the index cannot be written
   */
  apply(): void {
    const { index } = this.#options;
    index.settle();
    while (this.unappliedCount > 0) {
      this.applySoon();
      index.settle();
      if (this.#failure !== undefined) throw this.#failure;
    }
  }

  /**
   * Waits until the index has everything, if it can be written: the facts are durable, and what was
   * accepted stays accepted. Until the index has them, nothing else is recorded.
   */
  tryApply(): void {
    try {
      this.apply();
    } catch (error) {
      if (error !== this.#failure) throw error;
    }
  }

  /** After a failed write, tries it again. @throws {WsctlError} STORAGE_UNAVAILABLE */
  retry(): void {
    if (this.#failure !== undefined) this.apply();
  }

  /** Has the index write what has gathered, unless it is writing. */
  applySoon(): void {
    this.#cancel?.();
    this.#cancel = undefined;
    const facts = this.#gathered;
    if (this.#writing !== undefined || facts.factCount === 0) return;
    this.#gathered = new UnappliedFacts();
    this.#writing = facts;
    const { index, head } = this.#options;
    index.write(facts.batches, head(), (error) => this.#written(facts, error));
  }

  #written(facts: UnappliedFacts, error: unknown): void {
    this.#writing = undefined;
    if (error === undefined) {
      this.#failure = undefined;
      return this.#schedule();
    }
    const later = this.#gathered;
    this.#gathered = facts;
    for (const batch of later.batches) facts.add(batch);
    const isNew = this.#failure === undefined;
    this.#failure = indexError(error);
    if (isNew) this.#options.onFault?.(this.#failure);
  }

  #schedule(): void {
    const { factCount, chars } = this.#gathered;
    if (this.#writing !== undefined || factCount === 0) return;
    if (factCount >= factsAtOnce || chars >= charsAtOnce) return this.applySoon();
    this.#cancel ??= this.#options.clock.after(delayMs, () => this.applySoon());
  }

  #misses(isWanted: (facts: UnappliedFacts) => boolean): boolean {
    return isWanted(this.#gathered) || (this.#writing !== undefined && isWanted(this.#writing));
  }
}

export function indexError(error: unknown): WsctlError {
  if (error instanceof WsctlError) return error;
  const text = `Cannot write the index of the log: ${errorText(error)}`;
  return new WsctlError("STORAGE_UNAVAILABLE", text, { cause: error });
}
