/** A node's journal: a copy of the log of the cluster, with an index that is always warm. */
import type { ControlJournal } from "../../control/journal/journal.ts";
import { WsctlError } from "../../protocol/errors.ts";
import { firstDigest, toHex } from "../../store/log/format.ts";
import { DamagedLog } from "../../store/log/logErrors.ts";
import type { PublishOutcome } from "../nats/publishOutcome.ts";
import type { StreamBatch, StreamEnd } from "../nats/threadMessages.ts";
import { type CopyFiles, noOrigin, type OpenedCopy, type ReplicaOptions } from "./copyFiles.ts";
import { type CopiedBatch, followerReason, type ReplicatedLog } from "./replicatedLog.ts";
import { StreamProgress } from "./streamProgress.ts";

/** The action of the entry that a new leader writes first: its fence against the one before. */
const leadAction = "cluster.lead";
/** A copy that is this far behind reports its progress. */
const progressEntries = 50_000;
const settleMs = 100;

export class Replica {
  readonly journal: ControlJournal;
  readonly #options: ReplicaOptions;
  readonly #log: ReplicatedLog;
  #reportedAt = 0;
  readonly #progress: StreamProgress;
  /** Called once if the copy cannot go on. */
  onFailed: (error: WsctlError) => void = () => {};
  /** Called with the election of any leader, when the copy has it. */
  onElected: (elected: { node: string; epoch: number }) => void = () => {};

  private constructor(options: ReplicaOptions, journal: ControlJournal, log: ReplicatedLog) {
    this.#options = options;
    this.journal = journal;
    this.#log = log;
    this.#progress = new StreamProgress({
      clock: options.clock,
      seen: () => log.seen,
      follow: () => this.follow(),
    });
  }

  /**
   * Opens the copy in the data directory, or creates it, and has it follow the stream.
   *
   * @throws {WsctlError} STORAGE_UNAVAILABLE if the directory has another log
   */
  static async open(options: ReplicaOptions, files: CopyFiles): Promise<Replica> {
    const { nats, log } = options;
    const found = await nats.call("origin", null);
    const origin = found ?? noOrigin;
    let opened: OpenedCopy;
    try {
      opened = files.open(origin);
    } catch (error) {
      // A power failure may take a part of what was not synced. The cluster has all of it.
      if (!(error instanceof DamagedLog) || found === undefined) throw error;
      log.warn("copy of the log damaged: copied again", {
        reason: error.message,
        kept: files.setAside(),
      });
      opened = files.open(origin);
    }
    if (origin.sequence > opened.copy.sequence + 1) {
      const through = origin.sequence - 1;
      log.warn("copy of the log discarded: the cluster has removed what it lacks", { through });
      opened.journal.close();
      files.remove();
      opened = files.open(origin);
    }
    const replica = new Replica(options, opened.journal, opened.copy);
    nats.onBatch = (batch) => replica.#take(batch);
    try {
      await replica.#findPosition();
      await replica.follow();
    } catch (error) {
      replica.close();
      throw error;
    }
    return replica;
  }

  get sequence(): number {
    return this.#log.sequence;
  }

  /** Called when a batch of the leader was not confirmed. */
  set onFault(take: (outcome: PublishOutcome) => void) {
    this.#log.onFault = take;
  }

  /** Takes no further batch: the journal is closed. */
  detach(): void {
    const { nats } = this.#options;
    nats.onBatch = () => {};
    nats.call("unfollow", null).catch(() => {});
    this.#progress.reject(new WsctlError("UNAVAILABLE", "The copy of the log is closed"));
  }

  close(): void {
    this.detach();
    this.journal.close();
  }

  /** Takes a batch of the stream, and its entries into the index. */
  #take(batch: StreamBatch): void {
    try {
      const copied = this.#log.copyBatch(batch);
      if (copied !== undefined) this.#index(copied);
    } catch (error) {
      this.#fail(error as WsctlError);
      return;
    }
    this.#progress.advanced();
  }

  #fail(error: WsctlError): void {
    this.#progress.reject(error);
    this.onFailed(error);
  }

  /**
   * Returns when the copy has everything that the stream has now.
   *
   * @throws {WsctlError} UNAVAILABLE if nothing comes for a while
   */
  async catchUp(): Promise<void> {
    const { last } = await this.#options.nats.call("streamState", null);
    await this.#progress.until(last);
  }

  /** Whether no other node has written since this one did, as far as NATS says. */
  async isCurrent(): Promise<boolean> {
    const { nats, clock } = this.#options;
    while (this.#log.isInFlight) {
      await new Promise<void>((resolve) => clock.after(settleMs, resolve));
    }
    const { last } = await nats.call("streamState", null);
    return this.#log.isInFlight || last === this.#log.seen;
  }

  /**
   * Begins to lead: the first entry is the fence against the leader before. If that one has written
   * meanwhile, the copy catches up and tries again.
   *
   * @throws {WsctlError} STORAGE_UNAVAILABLE if NATS does not answer
   */
  async lead(epoch: number): Promise<void> {
    const { nats, node } = this.#options;
    for (;;) {
      await this.catchUp();
      await nats.call("unfollow", null);
      if (!(await this.#restore())) {
        await this.follow();
        continue;
      }
      let refused: PublishOutcome | undefined;
      const report = this.#log.onFault;
      this.#log.onFault = (outcome) => {
        refused = outcome;
      };
      this.#log.lead();
      try {
        const resource = { node, epoch };
        const details = { action: leadAction, outcome: "started", resource };
        this.journal.recorder.record({ type: "action_recorded", details });
        this.journal.createIdentity();
        return;
      } catch (error) {
        this.#log.suspend(followerReason);
        if (refused?.status !== "refused") throw error;
        await this.follow();
      } finally {
        this.#log.onFault = report;
      }
    }
  }

  /**
   * Copies what the stream has after a batch without a confirmation, and leads again.
   *
   * @param isWanted Whether this node still leads.
   * @throws {WsctlError} UNAVAILABLE if NATS does not answer, or another node leads
   */
  async resume(isWanted: () => boolean): Promise<void> {
    const steps = [
      () => this.follow(),
      () => this.catchUp(),
      () => this.#options.nats.call("unfollow", null),
    ];
    for (const step of steps) {
      if (!isWanted()) return;
      await step();
    }
    const isAtEnd = isWanted() && (await this.#restore());
    if (!isWanted()) return;
    if (!isAtEnd) throw new WsctlError("UNAVAILABLE", "The log of the cluster goes on elsewhere");
    this.#log.lead();
  }

  /** Refuses writing for good. */
  retire(reason: string): void {
    this.#log.retire(reason);
  }

  /** Copies what comes after the end of the copy. */
  async follow(): Promise<void> {
    await this.#options.nats.call("follow", { position: this.#log.position });
  }

  /**
   * Finds out whether NATS has lost entries at the end of the stream that the copy has. If this
   * node leads, it restores them.
   *
   * @returns the end of the stream
   */
  async #lostEnd(): Promise<StreamEnd | undefined> {
    const end = await this.#options.nats.call("end", null);
    if (end === undefined || end.sequence >= this.sequence) return undefined;
    if (this.#log.digestAt(end.sequence) !== end.digest) return undefined;
    this.#log.startAt(end, end.last);
    return end;
  }

  /**
   * Restores what NATS has lost. Returns whether the copy ends where the stream does; if not, the
   * stream has gone on.
   *
   * @throws {WsctlError} STORAGE_UNAVAILABLE if the stream has another end than the copy
   */
  async #restore(): Promise<boolean> {
    const lost = await this.#lostEnd();
    if (lost !== undefined) {
      const entries = await this.#log.restore(lost);
      this.#options.log.warn("entries restored that NATS had lost", { entries });
      return true;
    }
    const end = await this.#options.nats.call("end", null);
    const [sequence, digest] = [end?.sequence ?? 0, end?.digest ?? toHex(firstDigest)];
    if (sequence > this.sequence) return false;
    if (sequence === this.sequence && digest === toHex(this.#log.digest)) return true;
    const text = `The log of the cluster ends with entry ${sequence}, and not as the copy with ${this.sequence}`;
    throw new WsctlError("STORAGE_UNAVAILABLE", text);
  }

  /** Finds where the copy ends in the stream, and checks that it is a copy of that. */
  async #findPosition(): Promise<void> {
    const { nats, cluster, dataDir, logId } = this.#options;
    const { sequence, digest } = this.#log;
    const isSame = toHex(this.#log.logId) === logId;
    const found = isSame ? await nats.call("findBefore", sequence + 1) : undefined;
    if (found?.digest === toHex(digest)) return this.#log.startAt(found);
    if (isSame && (await this.#lostEnd()) !== undefined) return;
    if (isSame && sequence === 0 && found === undefined) return this.#log.startAt({ position: 0 });
    const state = "its log is another one, or has entries that NATS lost";
    const text = `Cannot use "${dataDir}" in the cluster "${cluster}": ${state}`;
    const fix =
      "Choose an empty --data-dir, or another --cluster-name; wsctl cluster import takes a log into an empty cluster";
    throw new WsctlError("STORAGE_UNAVAILABLE", `${text}. ${fix}`);
  }

  #index({ lines, place }: CopiedBatch): void {
    const { recorder } = this.journal;
    recorder.applyAppended(lines, place);
    for (const line of lines) {
      if (line.startsWith('{"type":"entries_removed"')) {
        recorder.log.removeBefore((JSON.parse(line) as { through: number }).through + 1);
      } else if (line.includes(`"action":"${leadAction}"`)) this.#elected(line);
    }
    const { log } = this.#options;
    if (this.sequence - this.#reportedAt < progressEntries) return;
    this.#reportedAt = this.sequence;
    log.info("log copied", { through: this.sequence });
  }

  #elected(line: string): void {
    const { type, details } = JSON.parse(line) as Elected;
    if (type === "action_recorded" && details?.action === leadAction) {
      this.onElected(details.resource);
    }
  }
}

interface Elected {
  type: string;
  details?: { action: string; resource: { node: string; epoch: number } };
}
