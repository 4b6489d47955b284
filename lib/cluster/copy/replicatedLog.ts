/**
 * A log whose batches are durable when a stream has them. This host has a copy in files, which is
 * never ahead of the stream. Only the leader appends; the others copy what the stream has.
 */
import { errorText, WsctlError } from "../../protocol/errors.ts";
import type { AppendLog, LogOptions } from "../../store/appendLog.ts";
import { DurableLog } from "../../store/log/durableLog.ts";
import { decodeBatch, encodeBatch, isNext, linesOf, toHex } from "../../store/log/format.ts";
import type { Appended, DurableBatch, EncodedBatch, EntryPlace } from "../../store/log/segments.ts";
import type { ClusterNats } from "../nats/natsClient.ts";
import type { PublishOutcome } from "../nats/publishOutcome.ts";
import type { BatchPosition, StreamBatch, StreamEnd } from "../nats/threadMessages.ts";
import { batchesAfter } from "./batchesAfter.ts";

/** What a copied batch holds, and where it stands in the files. */
export interface CopiedBatch {
  lines: readonly string[];
  place: EntryPlace;
}

export const followerReason = "this node does not lead the cluster";

export class ReplicatedLog implements AppendLog {
  readonly #copy: DurableLog;
  readonly #nats: ClusterNats;
  readonly #directory: string;
  readonly onDurable: ((batch: DurableBatch) => void)[] = [];
  /** Where in the stream the last batch of the copy ends. */
  #position = 0;
  /** The last message of the stream that was seen; after `#position`, it completed no batch. */
  #seen = 0;
  /** Why nothing can be appended. */
  #closedBecause: string | undefined = followerReason;
  #isInFlight = false;
  #isRetired = false;
  /** Called if a batch was not confirmed: nothing is appended until `lead` is called again. */
  onFault: (outcome: PublishOutcome) => void = () => {};

  /** @param options of the copy, which need not be on disk to be durable */
  constructor(nats: ClusterNats, options: LogOptions) {
    this.#nats = nats;
    this.#directory = options.storage.path;
    const policy = { isInline: true, measured() {} };
    this.#copy = DurableLog.open({ ...options, policy });
  }

  get logId(): Uint8Array {
    return this.#copy.logId;
  }

  get sequence(): number {
    return this.#copy.sequence;
  }

  get digest(): Uint8Array {
    return this.#copy.digest;
  }

  get segments() {
    return this.#copy.segments;
  }

  get hasFrom(): boolean {
    return this.#copy.hasFrom;
  }

  get tornBytes(): number {
    return this.#copy.tornBytes;
  }

  get position(): number {
    return this.#position;
  }

  get seen(): number {
    return this.#seen;
  }

  /** Sets where in the stream the copy ends. */
  startAt({ position }: BatchPosition, seen = position): void {
    this.#position = position;
    this.#seen = seen;
  }

  /** The digest of the batch that ends with an entry, in hexadecimal; undefined without it. */
  digestAt(sequence: number): string | undefined {
    if (sequence === this.sequence) return toHex(this.digest);
    let found: string | undefined;
    if (sequence < this.sequence) {
      this.#copy.scan(sequence - 1, (entry) => {
        if (entry.sequence === sequence && entry.isLast) found = toHex(entry.digest);
        return false;
      });
    }
    return found;
  }

  /**
   * Publishes what the copy has after an entry, because NATS has lost it.
   *
   * @param end the last entry of the stream, which the copy has
   * @returns the number of entries
   * @throws {WsctlError} UNAVAILABLE if NATS does not take them
   */
  async restore({ sequence, digest, position, last }: StreamEnd): Promise<number> {
    const batches = batchesAfter(this.#copy, sequence, digest);
    this.startAt({ position }, last);
    for (const batch of batches) {
      const request = { ...batch, expected: this.#seen };
      const outcome = await new Promise<PublishOutcome>((resolve) => {
        this.#nats.publish(request, resolve);
      });
      if (outcome.status !== "stored") {
        const text = `Cannot restore the log of the cluster: ${reasonOf(outcome)}`;
        throw new WsctlError("UNAVAILABLE", text);
      }
      this.startAt(outcome);
    }
    return this.sequence - sequence;
  }

  get isLeading(): boolean {
    return this.#closedBecause === undefined;
  }

  /** Whether the result of a publication is open. */
  get isInFlight(): boolean {
    return this.#isInFlight;
  }

  /**
   * Allows appending. The copy has everything that the stream has.
   *
   * @throws {WsctlError} UNAVAILABLE after `retire`
   */
  lead(): void {
    if (this.#isRetired) throw this.#refusal();
    this.#closedBecause = undefined;
  }

  /** Refuses appending for good. */
  retire(reason: string): void {
    this.#isRetired = true;
    this.#closedBecause = reason;
  }

  /** Refuses appending until `lead`. */
  suspend(reason: string): void {
    this.#closedBecause = reason;
  }

  append(
    lines: readonly string[],
    done: (error?: WsctlError) => void,
    isEssential = false,
  ): Appended {
    this.#assertLeading();
    if (this.#isInFlight) {
      throw new WsctlError("INTERNAL", "Cannot append to the log: another batch is written");
    }
    const startedAt = performance.now();
    const [first, previous] = [this.sequence + 1, this.digest];
    const batch = { ...encodeBatch(lines, first, previous), count: lines.length };
    const { bytes } = batch;
    const place = this.#copy.reserve(bytes.length, isEssential);
    this.#isInFlight = true;
    const expected = this.#seen;
    this.#nats.publish({ bytes, first, previous: toHex(previous), expected }, (outcome) => {
      this.#isInFlight = false;
      const syncMs = performance.now() - startedAt;
      const failed = outcome.status === "stored" ? this.#tryWrite(batch, first) : outcome;
      if (failed !== undefined) {
        this.suspend(reasonOf(failed));
        done(this.#refusal(failed.status === "refused" ? "UNAVAILABLE" : "UNCONFIRMED"));
        return this.onFault(failed);
      }
      this.startAt(outcome);
      for (const take of this.onDurable) take({ entries: batch.count, appendMs: syncMs, syncMs });
      done();
    });
    return { place, isDurable: false };
  }

  /**
   * Adds a batch of the stream to the copy. Returns undefined if the copy has it.
   *
   * @throws {WsctlError} STORAGE_UNAVAILABLE if it does not continue the copy
   */
  copyBatch({ bytes, position }: StreamBatch): CopiedBatch | undefined {
    // A leader knows what it has published, and a late batch must not come between.
    if (this.isLeading) return undefined;
    this.#seen = Math.max(this.#seen, position);
    if (bytes.length === 0) return undefined;
    const batch = decodeBatch(bytes, 0);
    const last = batch === undefined ? 0 : batch.first + batch.count - 1;
    if (batch !== undefined && this.digestAt(last) === toHex(batch.digest)) {
      this.#position = Math.max(this.#position, position);
      return undefined;
    }
    if (batch === undefined || !isNext(batch, this.sequence + 1, this.digest)) {
      const text = `The log of the cluster does not continue the copy in "${this.#directory}" at entry ${this.sequence + 1}`;
      throw new WsctlError("STORAGE_UNAVAILABLE", `${text}. ${foreign}`);
    }
    const { digest, count } = batch;
    const place = this.#write({ bytes, digest, count }, true);
    this.#position = position;
    for (const take of this.onDurable) take({ entries: count, appendMs: 0, syncMs: 0 });
    return { lines: linesOf(batch), place };
  }

  settle(): void {
    while (this.#isInFlight) this.#nats.settle();
  }

  read(place: EntryPlace): string {
    return this.#copy.read(place);
  }

  scan(...given: Parameters<DurableLog["scan"]>): void {
    this.#copy.scan(...given);
  }

  roll(): void {
    this.#copy.roll();
  }

  removeBefore(sequence: number) {
    const removed = this.#copy.removeBefore(sequence);
    const kept = this.segments[0]?.first;
    if (this.#closedBecause === undefined && removed.length > 0 && kept !== undefined) {
      // The stream may keep more than the copies: the next removal tries again.
      this.#nats.call("removeBefore", kept).catch(() => {});
    }
    return removed;
  }

  assertInPlace(): void {
    this.#copy.assertInPlace();
  }

  probe(): void {
    this.#assertLeading();
    this.#copy.probe();
  }

  close(): void {
    this.settle();
    this.retire("it is closed");
    this.#copy.close();
  }

  #assertLeading(): void {
    if (this.#closedBecause !== undefined) throw this.#refusal();
  }

  #refusal(code: "UNAVAILABLE" | "UNCONFIRMED" = "UNAVAILABLE"): WsctlError {
    const text = `Cannot write the log of the cluster: ${this.#closedBecause}`;
    return new WsctlError(code, text);
  }

  /** The batch is in the stream: a copy that fails must read it from there again. */
  #tryWrite(batch: EncodedBatch, first: number): PublishOutcome | undefined {
    try {
      const isThere = this.digestAt(first + batch.count - 1) === toHex(batch.digest);
      if (!isThere) this.#write(batch, true);
      return undefined;
    } catch (error) {
      return { status: "unknown", position: 0, reason: errorText(error) };
    }
  }

  #write(batch: EncodedBatch, isEssential: boolean): EntryPlace {
    return this.#copy.appendBatch(batch, () => {}, isEssential).place;
  }
}

const foreign =
  "The copy is of another cluster, or NATS has lost entries that it acknowledged. Keep the directory, and see the guide to clusters";

function reasonOf({ status, reason }: PublishOutcome): string {
  return status === "refused"
    ? `another node has written to it (${reason})`
    : `NATS does not confirm that it stored the last entries (${reason})`;
}
