/** Reads entries of the log into the index, many in one transaction. */
import { errorText, WsctlError } from "../../protocol/errors.ts";
import type { EntryPlace } from "../../store/log/segments.ts";
import type { Database } from "../../store/sqlite.ts";
import { type ControlEntry, parseEntry } from "./entries.ts";
import type { IndexWriter } from "./index/indexWriter.ts";

export interface ReplayOptions {
  db: Database;
  index: IndexWriter;
  /** Reports how many entries were read into the index so far. */
  onProgress?(entries: number): void;
}

/** Entries in one transaction. */
const replayEntries = 2_000;

export class Replay {
  readonly #options: ReplayOptions;
  #entries: { entry: ControlEntry; place: EntryPlace }[] = [];
  #count = 0;

  constructor(options: ReplayOptions) {
    this.#options = options;
  }

  add(line: string, { sequence, segment, offset }: EntryPlace): void {
    this.#entries.push({ entry: parseFact(line, sequence), place: { sequence, segment, offset } });
    if (this.#entries.length >= replayEntries) this.#write();
  }

  /** @param digest of the last batch of the log */
  finish(digest: Uint8Array): void {
    const last = this.#write();
    const { db, index } = this.#options;
    if (last !== undefined) db.transaction(() => index.setApplied(last, digest));
  }

  /** The digest is not known in the middle, so `applied` moves on only at the end. */
  #write(): number | undefined {
    const { db, index, onProgress } = this.#options;
    const entries = this.#entries.splice(0);
    if (entries.length === 0) return this.#count === 0 ? undefined : this.#lastSequence;
    db.transaction(() => {
      for (const { entry, place } of entries) {
        index.apply(entry, place.sequence);
        index.addBatch(place);
      }
    });
    this.#count += entries.length;
    this.#lastSequence = entries.at(-1)?.place.sequence ?? 0;
    if (this.#count >= replayEntries) onProgress?.(this.#count);
    return this.#lastSequence;
  }

  #lastSequence = 0;
}

/** @throws {WsctlError} STORAGE_UNAVAILABLE if the entry is not one of this version */
export function parseFact(line: string, sequence: number): ControlEntry {
  try {
    return parseEntry(line);
  } catch (error) {
    const text = `Cannot use the log: entry ${sequence} is not one of this version`;
    throw new WsctlError("STORAGE_UNAVAILABLE", `${text}: ${errorText(error)}`);
  }
}
