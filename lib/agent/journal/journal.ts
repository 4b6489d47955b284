/**
 * The agent's journal: its log, and where the requests stand in it. It keeps every accepted
 * request, with its response, for as long as the request may be repeated. The audit trail is a view
 * of the same entries.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { failpoint } from "../../failpoints.ts";
import { errorText, WsctlError } from "../../protocol/errors.ts";
import type { LogOptions } from "../../store/appendLog.ts";
import type { Committed } from "../../store/groupCommit.ts";
import { DurableLog } from "../../store/log/durableLog.ts";
import { toHex } from "../../store/log/format.ts";
import type { Appended, EntryPlace, SegmentBytes, SegmentInfo } from "../../store/log/segments.ts";
import type { LogStorage } from "../../store/log/storage.ts";
import type { Clock } from "../../time/clock.ts";
import type { AgentWrite, Identity, RequestRecord, ScheduledRun } from "../core/model.ts";
import { type AgentEntry, parseEntry, toEntry, toRecord } from "./entries.ts";
import { RequestIndex } from "./requestIndex.ts";
import { ScheduleIndex } from "./scheduleIndex.ts";

type Done = (committed: Committed<undefined>) => void;

/** What a commit returns: nothing but that it is durable. */
const durable = { result: undefined };

export interface AgentJournal {
  /**
   * The stored identity, by which a control plane knows whether this journal has its earlier
   * requests.
   */
  readonly identity: Identity;
  /**
   * Makes all writes durable and returns a result, or throws and makes none. On a slow disk it
   * returns undefined, and calls `done` once when the writes are durable, or with the error.
   */
  commit(writes: AgentWrite[], done: Done): typeof durable | undefined;
  /** Calls the `done` that is pending before it returns. */
  settle(): void;
  find(requestId: string): RequestRecord | undefined;
  /** Returns the requests without an acknowledgement, in order of arrival. */
  unacknowledged(): RequestRecord[];
  /** Returns the latest run of each signed schedule. */
  scheduledRuns(): ScheduledRun[];
  close(): void;
}

export interface AgentJournalOptions {
  storage: LogStorage;
  clock: Pick<Clock, "after" | "now" | "wall">;
  segmentBytes?: SegmentBytes;
  policy?: NonNullable<LogOptions["policy"]>;
}

const segmentBytesDefault: SegmentBytes = { first: 256 * 1024, max: 4 * 1024 * 1024 };

/**
 * Opens the journal.
 *
 * @throws {WsctlError} STORAGE_UNAVAILABLE with what is wrong with the log
 */
export function openAgentJournal(options: AgentJournalOptions): LogJournal {
  return new LogJournal(options);
}

/**
 * Refuses the data directory of an earlier build, which has its journal in another format.
 *
 * @throws {WsctlError} STORAGE_UNAVAILABLE
 */
export function assertNoEarlierJournal(agentDir: string): void {
  const earlier = join(agentDir, "journal.db");
  if (!existsSync(earlier)) return;
  const text = `Cannot use the journal "${earlier}": it was written by a build before the first release`;
  const fix = "Stop the agent, remove the file, and join the agent again";
  throw new WsctlError("STORAGE_UNAVAILABLE", `${text}. ${fix}`);
}

export class LogJournal implements AgentJournal {
  readonly #clock: AgentJournalOptions["clock"];
  readonly #log: DurableLog;
  readonly #index = new RequestIndex();
  readonly #schedules = new ScheduleIndex();
  /** By segment: the time of its last entry in milliseconds since 1970. */
  readonly #lastAt = new Map<number, number>();
  /** A new journal has no identity until the first control plane of `wsctl.v1` assigns one. */
  #identity: Identity = { journalId: "new", epoch: 0 };
  /** Acknowledgements that are not in the log yet. Without them, a response is sent once more. */
  #acknowledgements: AgentEntry[] = [];
  /** A batch is on its way to a slow disk. */
  #isWriting = false;

  constructor({ storage, clock, segmentBytes, policy }: AgentJournalOptions) {
    this.#clock = clock;
    this.#log = DurableLog.open({
      storage,
      owner: "agent",
      segmentBytes: segmentBytes ?? segmentBytesDefault,
      clock,
      ...(policy === undefined ? {} : { policy }),
      onEntry: ({ line, sequence, segment, offset }) => {
        const place = { sequence, segment, offset };
        this.#apply(parse(line, place, storage.path), place);
      },
    });
  }

  get identity(): Identity {
    return this.#identity;
  }

  get log(): DurableLog {
    return this.#log;
  }

  /** The number of bytes of a torn tail that were removed when the journal was opened. */
  get tornBytes(): number {
    return this.#log.tornBytes;
  }

  commit(writes: AgentWrite[], done: Done): typeof durable | undefined {
    const wall = this.#clock.wall();
    const entries: AgentEntry[] = [];
    for (const write of writes) {
      const entry = toEntry(write, wall);
      if (entry.type === "response_acknowledged") this.#acknowledge(entry);
      else entries.push(entry);
    }
    if (entries.length === 0) return durable;
    const isDurable = this.#append(entries, (error) => {
      done(error === undefined ? durable : { error });
    });
    return isDurable ? durable : undefined;
  }

  settle(): void {
    this.#log.settle();
  }

  find(requestId: string): RequestRecord | undefined {
    const place = this.#index.find(requestId);
    return place && this.#read(place);
  }

  unacknowledged(): RequestRecord[] {
    return this.#index.unacknowledged().flatMap((place) => this.#read(place) ?? []);
  }

  scheduledRuns(): ScheduledRun[] {
    return this.#schedules.all();
  }

  /**
   * Removes whole segments that no request needs: those whose entries are all older than a time,
   * and the oldest ones while the log is larger than a number of bytes. An entry records it first.
   *
   * @param before milliseconds since 1970
   * @param bytesMax the size above which younger segments are removed, too
   * @param reason why entries are not kept longer, such as a flag
   * @returns the sequence of the last removed entry; undefined if nothing was removed
   */
  removeEntries(before: number, bytesMax: number, reason: string): number | undefined {
    // The next call removes what this one does not.
    if (this.#isWriting) return undefined;
    // Signatures end by the system's clock, and times to live by the steady one.
    const past = Math.min(this.#clock.now(), this.#clock.wall());
    this.#index.forget(past);
    this.#schedules.forget(past);
    const segments = this.#log.segments;
    let bytes = segments.reduce((sum, segment) => sum + segment.bytes, 0);
    const oldestNeeded = this.#index.oldestSegment ?? Number.POSITIVE_INFINITY;
    let removed = 0;
    for (const { first, bytes: size } of segments.slice(0, -1)) {
      const isOld = (this.#lastAt.get(first) ?? 0) < before;
      if (first >= oldestNeeded || !(isOld || bytes > bytesMax)) break;
      bytes -= size;
      removed++;
    }
    const next = segments[removed];
    if (removed === 0 || next === undefined) return undefined;
    return this.#removeThrough(segments[0]?.first ?? 1, next, reason);
  }

  /**
   * Begins a new segment if the written one is older than this, so that its entries can be removed
   * when their time has come.
   */
  rollIfOlderThan(ms: number): void {
    const written = this.#log.segments.at(-1);
    if (written === undefined || this.#isWriting) return;
    if (this.#clock.wall() - written.createdAt > ms) this.#log.roll();
  }

  close(): void {
    try {
      this.settle();
      if (this.#acknowledgements.length > 0) this.#append([], () => {});
    } catch {
      // A response whose acknowledgement is not in the log is sent once more.
    }
    this.#log.close();
  }

  #removeThrough(first: number, next: SegmentInfo, reason: string): number {
    const through = next.first - 1;
    const digest = toHex(next.previous);
    const at = new Date(this.#clock.wall()).toISOString();
    const entries = next.first - first;
    const runs = this.#schedules.writtenBefore(next.first);
    const kept = runs.length === 0 ? {} : { runs };
    this.#appendNow({ type: "entries_removed", at, through, digest, entries, reason, ...kept });
    for (const removed of this.#log.removeBefore(next.first)) this.#lastAt.delete(removed.first);
    return through;
  }

  /** Appends entries, and the acknowledgements that wait, as one batch. */
  #append(entries: readonly AgentEntry[], done: (error?: unknown) => void): boolean {
    failpoint("agent_before_commit");
    const waiting = this.#acknowledgements.splice(0);
    const batch = [...waiting, ...entries];
    const failed = () => this.#acknowledgements.unshift(...waiting);
    const lines = batch.map((entry) => JSON.stringify(entry));
    let appended: Appended;
    try {
      const isEssential = entries.every(({ type }) => type === "request_ended");
      appended = this.#log.append(
        lines,
        (error) => {
          this.#isWriting = false;
          if (error === undefined) this.#applyAll(batch, appended.place);
          else failed();
          done(error);
        },
        isEssential,
      );
    } catch (error) {
      failed();
      throw error;
    }
    this.#isWriting = !appended.isDurable;
    if (appended.isDurable) this.#applyAll(batch, appended.place);
    return appended.isDurable;
  }

  #appendNow(entry: AgentEntry): void {
    let failure: unknown;
    this.#append([entry], (error) => {
      failure = error;
    });
    this.settle();
    if (failure !== undefined) throw failure;
  }

  #applyAll(batch: readonly AgentEntry[], place: EntryPlace): void {
    batch.forEach((entry, index) => {
      this.#apply(entry, { ...place, sequence: place.sequence + index });
    });
    failpoint("agent_after_commit");
  }

  /** The core has applied it, so the index does; the log has it with the next batch. */
  #acknowledge(entry: AgentEntry & { type: "response_acknowledged" }): void {
    this.#index.acknowledge(entry.request_id);
    this.#acknowledgements.push(entry);
  }

  #apply(entry: AgentEntry, place: EntryPlace): void {
    this.#lastAt.set(place.segment, Date.parse(entry.at));
    if (entry.type === "identity_assigned") this.#identity = entry.identity;
    else if (entry.type === "response_acknowledged") this.#index.acknowledge(entry.request_id);
    else if ("request" in entry) {
      const { requestId, keepUntil, run } = entry.request;
      this.#index.put(requestId, place, keepUntil);
      if (run !== undefined) this.#schedules.put(run, place.segment);
    } else for (const run of entry.runs ?? []) this.#schedules.put(run, place.segment);
  }

  #read(place: EntryPlace): RequestRecord | undefined {
    return toRecord(parse(this.#log.read(place), place, "log"));
  }
}

function parse(line: string, { sequence }: EntryPlace, path: string): AgentEntry {
  try {
    return parseEntry(line);
  } catch (error) {
    const text = `Cannot use the log "${path}": entry ${sequence} is not one of this version`;
    throw new WsctlError("STORAGE_UNAVAILABLE", `${text}: ${errorText(error)}`);
  }
}
