/**
 * Where the latest entry of each request stands in the log. Requests without an acknowledgement are
 * held one by one. Acknowledged ones are held by segment, so that they are forgotten together.
 */
import type { EntryPlace } from "../../store/log/segments.ts";

interface OpenRequest {
  /** The place of the latest entry. */
  place: EntryPlace;
  /** The segment of the first entry, which keeps the order of arrival. */
  firstSegment: number;
  keepUntil: number;
}

interface Acknowledged {
  /** By request id: the sequence and the offset of the latest entry. */
  places: Map<string, { sequence: number; offset: number }>;
  /** No request of this segment is kept longer, in milliseconds on the steady clock. */
  keepUntil: number;
}

export class RequestIndex {
  readonly #open = new Map<string, OpenRequest>();
  /** By segment, oldest first. */
  readonly #acknowledged = new Map<number, Acknowledged>();

  put(requestId: string, place: EntryPlace, keepUntil: number): void {
    const known = this.#open.get(requestId);
    const firstSegment = known?.firstSegment ?? place.segment;
    this.#open.set(requestId, { place, firstSegment, keepUntil });
  }

  acknowledge(requestId: string): void {
    const open = this.#open.get(requestId);
    if (open === undefined) return;
    this.#open.delete(requestId);
    const { segment, sequence, offset } = open.place;
    const found = this.#acknowledged.get(segment) ?? { places: new Map(), keepUntil: 0 };
    found.places.set(requestId, { sequence, offset });
    found.keepUntil = Math.max(found.keepUntil, open.keepUntil);
    this.#acknowledged.set(segment, found);
  }

  find(requestId: string): EntryPlace | undefined {
    const open = this.#open.get(requestId);
    if (open !== undefined) return open.place;
    for (const [segment, { places }] of this.#acknowledged) {
      const found = places.get(requestId);
      if (found !== undefined) return { segment, ...found };
    }
    return undefined;
  }

  /** The places of the requests without an acknowledgement, in order of arrival. */
  unacknowledged(): EntryPlace[] {
    return [...this.#open.values()].map(({ place }) => place);
  }

  /** Forgets the acknowledged requests of segments in which none must be kept. */
  forget(before: number): void {
    for (const [segment, { keepUntil }] of this.#acknowledged) {
      if (keepUntil < before) this.#acknowledged.delete(segment);
    }
  }

  /** The oldest segment that a request still needs; undefined if none is needed. */
  get oldestSegment(): number | undefined {
    let oldest: number | undefined;
    for (const { firstSegment } of this.#open.values()) {
      if (oldest === undefined || firstSegment < oldest) oldest = firstSegment;
    }
    for (const segment of this.#acknowledged.keys()) {
      if (oldest === undefined || segment < oldest) oldest = segment;
    }
    return oldest;
  }
}
