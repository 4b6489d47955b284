/** Streams events as server-sent events (HTML Living Standard, section 9.2). */
import { setImmediate as nextTurn } from "node:timers/promises";
import type { EventType } from "../../protocol/api/events.ts";
import type { StreamSource } from "../engine/responseStreams.ts";
import { createWakeSignal } from "../streams/wakeSignal.ts";
import type { EventLog } from "./eventLog.ts";
import type { EntryFilter } from "./eventVisibility.ts";

/** A comment is sent after this time without output, so that both ends detect a dead connection. */
const keepAliveMs = 10_000;

export interface EventFilter {
  /** All types if undefined. */
  types?: ReadonlySet<EventType> | undefined;
  /** Events from this time on, in ISO 8601. */
  since?: string | undefined;
  /** What a restricted token sees; everything if undefined. */
  isVisible?: EntryFilter | undefined;
}

/**
 * Tells a reader up to which entry of the log it has every event, also before its first one. The
 * comment is for readers whose parser hides an id without an event.
 */
export function positionText(sequence: number): string {
  return `: events through ${sequence}\nid: ${sequence}\n\n`;
}

export class EventStream implements StreamSource {
  readonly #events: EventLog;
  readonly #filter: EventFilter;
  readonly #signal = createWakeSignal();
  readonly #forget: () => void;
  #after: number;
  #isClosed = false;
  #sentAt = performance.now();

  constructor(events: EventLog, after: number, filter: EventFilter) {
    this.#events = events;
    this.#after = after;
    this.#filter = filter;
    this.#forget = events.onNew(() => this.#signal.ring());
  }

  get isOver(): boolean {
    return this.#isClosed;
  }

  async next(): Promise<string> {
    if (this.#after >= this.#events.head) {
      await this.#signal.wait(Math.max(0, this.#sentAt + keepAliveMs - performance.now()));
      if (this.#isClosed) return "";
    }
    const text = this.#read();
    // A long log of events that are filtered out must not hold up everything else.
    if (text === "" && this.#after < this.#events.head) await nextTurn();
    // Events that are filtered out are no output: a stream of few types may be silent for long.
    const isSilent = text === "" && performance.now() >= this.#sentAt + keepAliveMs;
    if (text !== "" || isSilent) this.#sentAt = performance.now();
    return isSilent ? positionText(this.#after) : text;
  }

  #read(): string {
    const { types, since = "", isVisible } = this.#filter;
    const { events, through } = this.#events.read(this.#after, isVisible);
    this.#after = through;
    const wanted = events.filter(({ type, at }) => (types?.has(type) ?? true) && at >= since);
    return wanted
      .map((each) => `id: ${each.sequence}\nevent: ${each.type}\ndata: ${JSON.stringify(each)}\n\n`)
      .join("");
  }

  close(): void {
    this.#isClosed = true;
    this.#forget();
    this.#signal.ring();
  }
}
