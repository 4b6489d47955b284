/**
 * NATS in a world: one stream that compares before it stores, and buckets whose entries end. It is
 * what three real servers are together. Faults strike it as a whole or the way of one node to it.
 */
import type { StreamMessage } from "../../../lib/cluster/stream/batchParts.ts";
import type { Part, PublishAnswer } from "../../../lib/cluster/stream/publication.ts";
import type { Time } from "../time.ts";

const genesis: StreamMessage = {
  ...{ sequence: 1, data: new Uint8Array(), first: 0, previous: "", part: "0/0", id: "genesis" },
};

export class NatsServer {
  readonly messages: StreamMessage[] = [genesis];
  readonly live: Bucket;
  readonly shared: Bucket;
  readonly #ids = new Map<string, number>();
  /** Told of every message that is stored. */
  onStored: (message: StreamMessage) => void = () => {};
  /** Whoever follows the stream. */
  readonly followers = new Set<() => void>();
  /** No answers until then: too few servers are there. */
  isGoneUntil = 0;

  constructor(now: () => number, leaseMs: number) {
    this.live = new Bucket(now, leaseMs);
    this.shared = new Bucket(now, Number.POSITIVE_INFINITY);
  }

  get last(): number {
    return this.messages.length;
  }

  read(sequence: number): StreamMessage | undefined {
    return this.messages[sequence - 1];
  }

  /** A message that it has already is not stored again; then the end is compared. */
  publish({ expected, ...part }: Part): PublishAnswer {
    const known = this.#ids.get(part.id);
    if (known !== undefined) return { stored: known, isDuplicate: true };
    if (expected !== this.last) return { refused: `wrong last sequence: ${this.last}` };
    const message = { ...part, data: part.data.slice(), sequence: this.last + 1 };
    this.messages.push(message);
    this.#ids.set(part.id, message.sequence);
    this.onStored(message);
    for (const wake of [...this.followers]) wake();
    return { stored: message.sequence };
  }

  /** The server that hands on messages is gone, and nobody is told; a client notices in the end. */
  stopFollowers(ms: number, time: Time): void {
    const stuck = [...this.followers];
    this.followers.clear();
    time.after(ms, () => {
      for (const wake of stuck) {
        this.followers.add(wake);
        wake();
      }
    });
  }

  /** Its servers were restarted: it knows no message again. */
  forgetIds(): void {
    this.#ids.clear();
  }
}

/** A bucket of keys whose entries end a while after they were written. */
export class Bucket {
  readonly #entries = new Map<string, { revision: number; text: string; at: number }>();
  readonly #now: () => number;
  readonly #ttlMs: number;
  #revision = 0;

  constructor(now: () => number, ttlMs: number) {
    this.#now = now;
    this.#ttlMs = ttlMs;
  }

  get(key: string): { revision: number; text: string } | undefined {
    const found = this.#entries.get(key);
    if (found === undefined || this.#now() - found.at > this.#ttlMs) return undefined;
    return { revision: found.revision, text: found.text };
  }

  put(key: string, text: string): number {
    this.#entries.set(key, { revision: ++this.#revision, text, at: this.#now() });
    return this.#revision;
  }

  create(key: string, text: string): number | undefined {
    return this.get(key) === undefined ? this.put(key, text) : undefined;
  }

  update(key: string, text: string, expected: number): number | undefined {
    return this.get(key)?.revision === expected ? this.put(key, text) : undefined;
  }

  delete(key: string, expected?: number): void {
    if (expected !== undefined && this.get(key)?.revision !== expected) {
      throw new Error("wrong last sequence");
    }
    this.#revision++;
    this.#entries.delete(key);
  }

  keys(prefix: string): string[] {
    return [...this.#entries.keys()].filter((key) => key.startsWith(prefix)).sort();
  }
}
