/** Streams events as server-sent events (HTML Living Standard, section 9.2). */
import type { EventType } from "../../protocol/api/events.ts";
import type { StreamSource } from "../engine/responseStreams.ts";
import { createWakeSignal } from "../streams/wakeSignal.ts";
import type { EventLog } from "./eventLog.ts";

/** A comment is sent after this time without an event, so that both ends detect a dead connection. */
const keepAliveMs = 10_000;

export interface EventFilter {
  /** All types if undefined. */
  types?: ReadonlySet<EventType> | undefined;
  /** Events from this time on, in ISO 8601. */
  since?: string | undefined;
}

export class EventStream implements StreamSource {
  readonly #events: EventLog;
  readonly #filter: EventFilter;
  readonly #signal = createWakeSignal();
  readonly #forget: () => void;
  #after: number;
  #isClosed = false;

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
      const isNew = await this.#signal.wait(keepAliveMs);
      if (!isNew && !this.#isClosed) return ": no events\n\n";
      if (this.#isClosed) return "";
    }
    const { events, through } = this.#events.read(this.#after);
    this.#after = through;
    const { types, since = "" } = this.#filter;
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
