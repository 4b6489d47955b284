/** The events of the log, after any entry, and as they come. */
import type { ControlPlaneEvent } from "../../protocol/api/events.ts";
import type { Engine } from "../engine/engine.ts";
import { parseEntry } from "../journal/entries.ts";
import type { EntryFilter } from "./eventVisibility.ts";
import { toEvents } from "./toEvents.ts";

/** Entries that are read before other work runs. */
const entriesMax = 500;

export interface EventPage {
  events: ControlPlaneEvent[];
  /** The last entry that was read. */
  through: number;
}

export class EventLog {
  readonly #engine: Engine;
  readonly #listeners = new Set<() => void>();

  constructor(engine: Engine) {
    this.#engine = engine;
    engine.journal.recorder.log.onDurable.push(() => {
      for (const ring of this.#listeners) ring();
    });
  }

  /** The sequence of the last entry. */
  get head(): number {
    return this.#engine.journal.recorder.log.sequence;
  }

  /** Returns an entry before which all events are older than this time, in ISO 8601. */
  before(since: string): number {
    return this.#engine.journal.audit.lastBefore(since);
  }

  /** Returns the events of a few entries after this one, of those that pass the filter. */
  read(after: number, isVisible: EntryFilter = () => true): EventPage {
    const { journal } = this.#engine;
    const entries: { sequence: number; line: string }[] = [];
    journal.audit.scan(after, ({ sequence, line }) => {
      entries.push({ sequence, line });
      return entries.length < entriesMax;
    });
    const events = entries.flatMap(({ sequence, line }) => {
      const entry = parseEntry(line);
      return isVisible(entry) ? toEvents(sequence, entry, journal) : [];
    });
    return { events, through: entries.at(-1)?.sequence ?? Math.max(after, this.head) };
  }

  /** Calls `ring` after each batch that is on disk, until the returned function is called. */
  onNew(ring: () => void): () => void {
    this.#listeners.add(ring);
    return () => this.#listeners.delete(ring);
  }
}
