/** The stream of the log in JetStream. */
import {
  type JetStreamClient,
  type JetStreamManager,
  jetstream,
  jetstreamManager,
  StorageType,
} from "@nats-io/jetstream";
import { headers, type MsgHdrs, type NatsConnection } from "@nats-io/transport-node";
import { errorText, WsctlError } from "../../protocol/errors.ts";
import type { StreamMessage } from "../stream/batchParts.ts";
import { attemptMs, type Part, type PublishAnswer } from "../stream/publication.ts";
import type { StreamAccess } from "../stream/streamAccess.ts";
import { jetStreamCode, jetStreamCodes } from "./natsErrors.ts";

/** The first message of a stream, so that every publication has a last sequence to expect. */
const genesisId = "genesis";
const firstHeader = "Wsctl-First";
const previousHeader = "Wsctl-Previous";
const partHeader = "Wsctl-Part";
/** Room for the headers of a message. */
const headerBytesMax = 4096;
/** A consumer that is gone with its server is noticed after two heartbeats, and made again. */
const liveness = { expires: 5_000, idle_heartbeat: 1_000 };
/** Servers that elect a leader do not answer: the request is made again. */
export const requestMs = 1_500;

export class JetStreamAccess implements StreamAccess {
  readonly #js: JetStreamClient;
  readonly #jsm: JetStreamManager;
  readonly #connection: NatsConnection;
  readonly #name: string;
  readonly #subject: string;

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
  ): Promise<JetStreamAccess> {
    const jsm = await jetstreamManager(connection, { timeout: requestMs });
    const stream = new JetStreamAccess(connection, jsm, cluster);
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

  get partBytes(): number {
    return (this.#connection.info?.max_payload ?? 1024 * 1024) - headerBytesMax;
  }

  async state(): Promise<{ first: number; last: number; replicas: number }> {
    const { state, config } = await this.#jsm.streams.info(this.#name);
    return { first: state.first_seq, last: state.last_seq, replicas: config.num_replicas };
  }

  async publish({ data, first, previous, part, id, expected }: Part): Promise<PublishAnswer> {
    const fields = headers();
    fields.set(firstHeader, String(first));
    fields.set(previousHeader, previous);
    fields.set(partHeader, part);
    const expect = { lastSequence: expected };
    const options = { headers: fields, msgID: id, expect, timeout: attemptMs };
    try {
      const { seq, duplicate } = await this.#js.publish(this.#subject, data, options);
      return { stored: seq, isDuplicate: duplicate };
    } catch (error) {
      const reason = errorText(error);
      const isRefused = jetStreamCode(error) === jetStreamCodes.wrongLastSequence;
      return isRefused ? { refused: reason } : { failed: reason };
    }
  }

  async read(sequence: number): Promise<StreamMessage | undefined> {
    const message = await this.#jsm.streams.getMessage(this.#name, { seq: sequence });
    return message === null ? undefined : toMessage(sequence, message.data, message.header);
  }

  async consume(
    from: number,
    take: (message: StreamMessage) => Promise<void>,
    ended: (error: unknown) => void,
  ): Promise<() => void> {
    const options = { opt_start_seq: from, deliver_policy: "by_start_sequence" } as const;
    const consumer = await this.#js.consumers.get(this.#name, options);
    const messages = await consumer.consume({ max_messages: 256, ...liveness });
    let isStopped = false;
    const run = async () => {
      for await (const message of messages) {
        if (isStopped) return;
        await take(toMessage(message.seq, message.data, message.headers));
      }
      throw new Error("the consumer of the stream has ended");
    };
    run().catch((error) => {
      if (!isStopped) ended(error);
    });
    return () => {
      isStopped = true;
      messages.stop();
    };
  }

  async purge(before: number): Promise<void> {
    await this.#jsm.streams.purge(this.#name, { seq: before });
  }
}

function toMessage(sequence: number, data: Uint8Array, fields?: MsgHdrs): StreamMessage {
  return {
    sequence,
    data,
    first: Number(fields?.get(firstHeader) ?? 0),
    previous: fields?.get(previousHeader) ?? "",
    part: fields?.get(partHeader) || "0/0",
    id: fields?.get("Nats-Msg-Id") ?? "",
  };
}

export function streamName(cluster: string): string {
  return `wsctl_${cluster}_log`;
}

export function logSubject(cluster: string): string {
  return `wsctl.${cluster}.log`;
}
