/**
 * The log as a stream of JetStream. Each message is a batch in the bytes of a segment, or a part of
 * one that is larger than a message may be. A publication names the last sequence that it expects:
 * if another node has written since, nothing is stored.
 */
import {
  type JetStreamClient,
  type JetStreamManager,
  jetstream,
  jetstreamManager,
  StorageType,
} from "@nats-io/jetstream";
import { headers, type MsgHdrs, type NatsConnection } from "@nats-io/transport-node";
import { errorText, WsctlError } from "../../protocol/errors.ts";
import {
  BatchParts,
  digestOf,
  firstHeader,
  isFirstPart,
  noBytes,
  partHeader,
  partOf,
  previousHeader,
  type StreamMessage,
} from "./batchParts.ts";
import { jetStreamCode, jetStreamCodes } from "./natsErrors.ts";
import type { PublishOutcome } from "./publishOutcome.ts";
import type { BatchPosition, PublishRequest, StreamBatch, StreamEnd } from "./threadMessages.ts";

/** The first message of a stream, so that every publication has a last sequence to expect. */
const genesisId = "genesis";
/** Room for the headers of a message. */
const headerBytesMax = 4096;
const attemptMs = 1_000;
/** Servers that elect a leader do not answer: the request is made again. */
export const requestMs = 1_500;
/** A publication that has no answer by then has an unknown result. */
export const publishMs = 5_000;
const retryMs = 100;

export class LogStream {
  readonly #js: JetStreamClient;
  readonly #jsm: JetStreamManager;
  readonly #connection: NatsConnection;
  readonly #name: string;
  readonly #subject: string;
  /** How often following was begun or ended. */
  #following = 0;
  #stopFollowing: (() => void) | undefined;

  private constructor(connection: NatsConnection, jsm: JetStreamManager, cluster: string) {
    this.#connection = connection;
    this.#jsm = jsm;
    this.#js = jetstream(connection, { timeout: requestMs });
    this.#name = streamName(cluster);
    this.#subject = logSubject(cluster);
  }

  /** Opens the stream, or creates it. Errors are those of NATS. */
  static async open(
    connection: NatsConnection,
    cluster: string,
    replicas: number,
  ): Promise<LogStream> {
    const jsm = await jetstreamManager(connection, { timeout: requestMs });
    const stream = new LogStream(connection, jsm, cluster);
    const config = {
      name: stream.#name,
      subjects: [stream.#subject],
      description: "log of wsctl",
      storage: StorageType.File,
      num_replicas: replicas,
      max_msgs_per_subject: -1,
    };
    const found = await jsm.streams.info(stream.#name).catch((error) => {
      if (jetStreamCode(error) === jetStreamCodes.streamNotFound) return undefined;
      throw error;
    });
    const existing = found ?? (await jsm.streams.add(config));
    if (existing.config.subjects?.join() !== stream.#subject) {
      const text = `Cannot use the stream "${stream.#name}" of NATS: it has the subjects ${existing.config.subjects?.join(", ")}`;
      throw new WsctlError("USAGE", `${text}. Choose another --cluster-name`);
    }
    if (existing.state.last_seq === 0) {
      await stream.#js.publish(stream.#subject, "", { msgID: genesisId });
    }
    return stream;
  }

  async state(): Promise<{ first: number; last: number; replicas: number }> {
    const { state, config } = await this.#jsm.streams.info(this.#name);
    return { first: state.first_seq, last: state.last_seq, replicas: config.num_replicas };
  }

  /**
   * Publishes a batch, and tries again until NATS answers. The result is `stored` or `refused` only
   * if that is certain.
   */
  async publish(request: PublishRequest): Promise<PublishOutcome> {
    const { bytes, first, previous } = request;
    const partBytes = (this.#connection.info?.max_payload ?? 1024 * 1024) - headerBytesMax;
    const count = Math.max(1, Math.ceil(bytes.length / partBytes));
    const digest = digestOf(bytes);
    const deadline = performance.now() + publishMs;
    let position = request.expected;
    for (let part = 1; part <= count; part++) {
      const fields = headers();
      fields.set(firstHeader, String(first));
      fields.set(previousHeader, previous);
      fields.set(partHeader, `${part}/${count}`);
      const data = bytes.subarray((part - 1) * partBytes, part * partBytes);
      const msgID = `${digest}.${part}`;
      const outcome = await this.#publishPart(data, fields, msgID, position, deadline);
      if (outcome.status !== "stored") return outcome;
      position = outcome.position;
    }
    return { status: "stored", position, reason: "" };
  }

  async #publishPart(
    data: Uint8Array,
    fields: MsgHdrs,
    msgID: string,
    lastSequence: number,
    deadline: number,
  ): Promise<PublishOutcome> {
    let reason = "no answer";
    while (performance.now() < deadline) {
      try {
        const options = { headers: fields, msgID, expect: { lastSequence }, timeout: attemptMs };
        const { seq } = await this.#js.publish(this.#subject, data, options);
        return { status: "stored", position: seq, reason: "" };
      } catch (error) {
        reason = errorText(error);
        if (jetStreamCode(error) === jetStreamCodes.wrongLastSequence) {
          // The answer to an earlier attempt may be what was lost.
          const stored = await this.#read(lastSequence + 1).catch(() => undefined);
          if (stored?.headers?.get("Nats-Msg-Id") === msgID) {
            return { status: "stored", position: lastSequence + 1, reason: "" };
          }
          if (stored !== undefined) return { status: "refused", position: 0, reason };
        }
      }
      await new Promise((resolve) => setTimeout(resolve, retryMs));
    }
    return { status: "unknown", position: 0, reason };
  }

  async #read(sequence: number): Promise<StreamMessage | undefined> {
    const message = await this.#jsm.streams.getMessage(this.#name, { seq: sequence });
    if (message === null) return undefined;
    return { sequence, data: message.data, headers: message.header };
  }

  /** Returns the first entry of the stream, and the digest before it; undefined if it has none. */
  async origin(): Promise<{ sequence: number; digest: string } | undefined> {
    const { first, last } = await this.state();
    for (let at = first; at <= last; at++) {
      const message = await this.#read(at);
      const sequence = Number(message?.headers?.get(firstHeader) ?? 0);
      if (sequence === 0 || !isFirstPart(message?.headers)) continue;
      return { sequence, digest: message?.headers?.get(previousHeader) ?? "" };
    }
    return undefined;
  }

  /**
   * Returns the position of the batch that ends before an entry, and its digest. If the stream ends
   * there, the digest is that of its last batch.
   */
  async findBefore(entry: number): Promise<(BatchPosition & { digest: string }) | undefined> {
    const at = await this.#findFirst(entry);
    const { last } = await this.state();
    if (at <= last) {
      const next = await this.#read(at);
      if (Number(next?.headers?.get(firstHeader)) !== entry) return undefined;
      return { position: at - 1, digest: next?.headers?.get(previousHeader) ?? "" };
    }
    const end = await this.#lastBatch(last);
    return end && { position: end.position, digest: digestOf(end.bytes) };
  }

  /** Returns the last entry of the stream. */
  async end(): Promise<StreamEnd | undefined> {
    const { last } = await this.state();
    const end = await this.#lastBatch(last);
    if (end === undefined) return undefined;
    const { bytes, position } = end;
    // As `log-format.md` describes it: the first entry, and how many there are.
    const header = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
    const sequence = Number(header.readBigUInt64LE(8)) + header.readUInt32LE(16) - 1;
    return { position, last, sequence, digest: digestOf(bytes) };
  }

  /**
   * Returns the first part of the last batch up to a position, and where that batch ends. What
   * follows it are parts of one that is not complete, or never will be.
   */
  async #lastBatch(last: number): Promise<StreamBatch | undefined> {
    for (let at = last; ; ) {
      const message = await this.#read(at);
      const [part, count] = partOf(message?.headers);
      if (message === undefined || count === 0) return undefined;
      if (part < count) at -= part;
      else {
        const first = count === 1 ? message : await this.#read(at - count + 1);
        return first && { position: at, bytes: first.data };
      }
    }
  }

  /** Returns the smallest position whose batch begins with this entry or later. */
  async #findFirst(entry: number): Promise<number> {
    const state = await this.state();
    let [low, high] = [state.first, state.last + 1];
    while (low < high) {
      const middle = Math.floor((low + high) / 2);
      const message = await this.#read(middle);
      if (Number(message?.headers?.get(firstHeader) ?? 0) >= entry) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  /**
   * Hands on each batch after a position, in order, until `unfollow` or an error. A message that
   * completes no batch is handed on without bytes.
   *
   * @param take returns when the next batch may come
   */
  async follow(
    { position }: BatchPosition,
    take: (batch: StreamBatch) => Promise<void>,
    failed: (error: unknown) => void,
  ): Promise<void> {
    this.unfollow();
    const own = this.#following;
    const options = { opt_start_seq: position + 1, deliver_policy: "by_start_sequence" } as const;
    const consumer = await this.#js.consumers.get(this.#name, options);
    const messages = await consumer.consume({ max_messages: 256 });
    // Another call has come meanwhile.
    if (own !== this.#following) return messages.stop();
    let isStopped = false;
    this.#stopFollowing = () => {
      isStopped = true;
      messages.stop();
    };
    const run = async () => {
      const parts = new BatchParts();
      for await (const message of messages) {
        if (isStopped) return;
        const { seq: sequence, data } = message;
        const batch = parts.add({ sequence, data, headers: message.headers });
        await take(batch ?? { position: sequence, bytes: noBytes });
      }
      if (!isStopped) throw new Error("the consumer of the stream has ended");
    };
    run().catch((error) => {
      if (!isStopped) failed(error);
    });
  }

  unfollow(): void {
    this.#following++;
    this.#stopFollowing?.();
    this.#stopFollowing = undefined;
  }

  /** Removes what comes before the batch that begins with an entry. */
  async removeBefore(entry: number): Promise<void> {
    const position = await this.#findFirst(entry);
    await this.#jsm.streams.purge(this.#name, { seq: position });
  }
}

export function streamName(cluster: string): string {
  return `wsctl_${cluster}_log`;
}

export function logSubject(cluster: string): string {
  return `wsctl.${cluster}.log`;
}
