/** A bucket of keys with texts, as the nodes need it: JetStream has one, and so has the simulator. */
import { jetstream } from "@nats-io/jetstream";
import { Kvm } from "@nats-io/kv";
import type { NatsConnection } from "@nats-io/transport-node";
import { errorText } from "../../protocol/errors.ts";
import { requestMs } from "./jetStreamAccess.ts";
import { jetStreamCode, jetStreamCodes } from "./natsErrors.ts";

export interface KeyValue {
  get(key: string): Promise<{ revision: number; text: string } | undefined>;
  /** Returns the revision, or undefined if the key is there. */
  create(key: string, text: string): Promise<number | undefined>;
  /** Returns the new revision, or undefined if the key has another one than expected. */
  update(key: string, text: string, expected: number): Promise<number | undefined>;
  put(key: string, text: string): Promise<void>;
  /** @param expected the revision that the key must have */
  delete(key: string, expected?: number): Promise<void>;
  /** Returns each key once. */
  keys(prefix: string): Promise<string[]>;
}

/** Opens a bucket of JetStream, or creates it. */
export async function openBucket(
  connection: NatsConnection,
  name: string,
  options: { replicas: number; ttlMs?: number },
): Promise<KeyValue> {
  const kvm = new Kvm(jetstream(connection, { timeout: requestMs }));
  const { replicas, ttlMs } = options;
  // A direct read may come from a server that lags behind.
  const common = { replicas, history: 1, allow_direct: false };
  const bucket = await kvm.create(name, ttlMs === undefined ? common : { ...common, ttl: ttlMs });
  return {
    async get(key) {
      const entry = await bucket.get(key);
      if (entry === null || entry.operation !== "PUT") return undefined;
      return { revision: entry.revision, text: entry.string() };
    },
    create: (key, text) => unlessTaken(bucket.create(key, text)),
    update: (key, text, expected) => unlessTaken(bucket.update(key, text, expected)),
    put: async (key, text) => void (await bucket.put(key, text)),
    delete: (key, expected) =>
      bucket.delete(key, expected === undefined ? {} : { previousSeq: expected }),
    async keys(prefix) {
      // A key that is written meanwhile is delivered again, with its new value.
      const keys = new Set<string>();
      for await (const key of await bucket.keys(`${prefix}>`)) keys.add(key);
      return [...keys].sort();
    },
  };
}

/** Returns undefined if another node has written the key. */
async function unlessTaken(written: Promise<number>): Promise<number | undefined> {
  try {
    return await written;
  } catch (error) {
    const isTaken =
      jetStreamCode(error) === jetStreamCodes.wrongLastSequence ||
      /wrong last sequence/i.test(errorText(error));
    if (isTaken) return undefined;
    throw error;
  }
}
