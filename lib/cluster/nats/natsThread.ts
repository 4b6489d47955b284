/** The thread that holds the connection to NATS. `natsClient.ts` starts it and calls it. */
import { parentPort } from "node:worker_threads";
import {
  type ConnectionOptions,
  connect,
  credsAuthenticator,
  type NatsConnection,
  TimeoutError,
} from "@nats-io/transport-node";
import { errorText, WsctlError } from "../../protocol/errors.ts";
import { reasonCharsMax, writeSharedAnswer } from "../../threads/sharedAnswer.ts";
import { Buckets } from "./buckets.ts";
import { LogStream } from "./logStream.ts";
import { explainNatsError, jetStreamCode, jetStreamCodes } from "./natsErrors.ts";
import type { PublishOutcome } from "./publishOutcome.ts";
import type {
  CallName,
  FromThread,
  NatsSettings,
  NatsState,
  PublishRequest,
  StreamBatch,
  ThreadCalls,
  ThreadEvent,
  ToThread,
} from "./threadMessages.ts";

/** The oldest server whose streams have what is needed. */
const versionMin = [2, 9];
/** How long a start waits for servers that have no leader yet. */
const readyMs = 30_000;
const readyRetryMs = 500;
/** Batches that the main thread has not taken yet. */
const aheadMax = 64;

type Calls = {
  [Name in CallName]: (
    input: ThreadCalls[Name]["input"],
  ) => Promise<ThreadCalls[Name]["output"]> | ThreadCalls[Name]["output"];
};

const send = (message: FromThread) => parentPort?.postMessage(message);
const tell = (event: ThreadEvent) => send(event);

class NatsThread {
  #connection: NatsConnection | undefined;
  #openStream: LogStream | undefined;
  #openBuckets: Buckets | undefined;
  #servers: readonly string[] = [];
  /** The number of the latest call of `follow` or `unfollow`. */
  #following = 0;
  #ahead = 0;
  #resume: (() => void) | undefined;

  readonly calls: Calls = {
    open: (settings) => this.#open(settings),
    streamState: () => this.#stream.state(),
    findBefore: (entry) => this.#stream.findBefore(entry),
    end: () => this.#stream.end(),
    origin: () => this.#stream.origin(),
    follow: async (position) => {
      const following = this.#nextFollowing();
      const failed = (error: unknown) => tell({ event: "fault", reason: errorText(error) });
      await this.#stream.follow(position, (batch) => this.#handOn(batch, following), failed);
      return null;
    },
    unfollow: () => {
      this.#nextFollowing();
      this.#openStream?.unfollow();
      return null;
    },
    removeBefore: async (entry) => {
      await this.#stream.removeBefore(entry);
      return null;
    },
    shared: (values) => this.#buckets.share(values),
    apply: (candidate) => {
      this.#buckets.apply(candidate);
      return null;
    },
    giveBack: async () => {
      await this.#openBuckets?.giveBack();
      return null;
    },
    present: (state) => {
      this.#buckets.present(state);
      return null;
    },
    nodes: () => this.#buckets.nodes(),
    close: async () => {
      this.#openStream?.unfollow();
      await this.#openBuckets?.close();
      await this.#connection?.close();
      return null;
    },
  };

  get servers(): readonly string[] {
    return this.#servers;
  }

  get #stream(): LogStream {
    if (this.#openStream === undefined) throw new WsctlError("INTERNAL", "The stream is not open");
    return this.#openStream;
  }

  get #buckets(): Buckets {
    if (this.#openBuckets === undefined) throw new WsctlError("INTERNAL", "No bucket is open");
    return this.#openBuckets;
  }

  async #open(settings: NatsSettings): Promise<NatsState> {
    const { servers, cluster } = settings;
    this.#servers = servers;
    const connection = await connect(connectionOptions(settings));
    this.#connection = connection;
    const { info } = connection;
    const version = info?.version ?? "unknown";
    assertVersion(version, servers);
    const replicas = settings.replicas ?? (info?.cluster === undefined ? 1 : 3);
    const open = () => LogStream.open(connection, cluster, replicas);
    this.#openStream = await whenReady(open, (reason) => tell({ event: "waiting", reason }));
    this.#openBuckets = await Buckets.open(connection, cluster, replicas, {
      leader: (leader) => tell({ event: "leader", leader }),
      elected: (epoch) => tell({ event: "elected", epoch }),
      retaken: () => tell({ event: "retaken" }),
      deposed: (reason) => tell({ event: "deposed", reason }),
      trouble: (reason) => tell({ event: "trouble", reason }),
    });
    void this.#watchConnection(connection);
    const state = await this.#openStream.state();
    return { server: connection.getServer(), version, replicas: state.replicas };
  }

  async #watchConnection(connection: NatsConnection): Promise<void> {
    for await (const { type } of connection.status()) {
      if (type === "disconnect") tell({ event: "connection", isUp: false });
      if (type === "reconnect") tell({ event: "connection", isUp: true });
    }
  }

  publish(request: PublishRequest): void {
    const { result, id } = request;
    const finish = (outcome: PublishOutcome) => {
      const reason = outcome.reason.slice(0, reasonCharsMax);
      writeSharedAnswer(result, { ...outcome, reason });
      tell({ event: "published", id });
    };
    this.#stream.publish(request).then(finish, (error) => {
      finish({ status: "unknown", position: 0, reason: errorText(error) });
    });
  }

  /** Hands a batch on, and waits while the main thread has too many. */
  async #handOn(batch: StreamBatch, following: number): Promise<void> {
    if (following !== this.#following) return;
    tell({ event: "batch", batch, following });
    this.#ahead++;
    if (this.#ahead < aheadMax) return;
    await new Promise<void>((resolve) => {
      this.#resume = resolve;
    });
  }

  /** Ends the wait of the call of `follow` before, whose batches count no more. */
  #nextFollowing(): number {
    this.#ahead = 0;
    this.#resume?.();
    this.#resume = undefined;
    return ++this.#following;
  }

  taken(following: number): void {
    if (following !== this.#following) return;
    this.#ahead--;
    if (this.#ahead >= aheadMax) return;
    this.#resume?.();
    this.#resume = undefined;
  }
}

/** Servers that have just started choose a leader of their own first. */
async function whenReady<T>(open: () => Promise<T>, waits: (reason: string) => void): Promise<T> {
  for (const until = performance.now() + readyMs; ; ) {
    try {
      return await open();
    } catch (error) {
      const isPassing =
        error instanceof TimeoutError ||
        jetStreamCode(error) === jetStreamCodes.temporarilyUnavailable;
      if (!isPassing || performance.now() > until) throw error;
      waits(errorText(error));
      await new Promise((resolve) => setTimeout(resolve, readyRetryMs));
    }
  }
}

function connectionOptions(settings: NatsSettings): ConnectionOptions {
  const { servers, user, password, credentials, ca, node } = settings;
  const isTls = servers.some((server) => server.startsWith("tls://"));
  return {
    servers: [...servers],
    name: `wsctl serve ${node}`,
    maxReconnectAttempts: -1,
    reconnectTimeWait: 250,
    pingInterval: 2_000,
    maxPingOut: 2,
    timeout: 5_000,
    ...(user === undefined ? {} : { user, pass: password ?? "" }),
    ...(credentials === undefined
      ? {}
      : { authenticator: credsAuthenticator(new TextEncoder().encode(credentials)) }),
    ...(isTls || ca !== undefined ? { tls: ca === undefined ? {} : { ca } } : {}),
  };
}

function assertVersion(version: string, servers: readonly string[]): void {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  const [majorMin = 0, minorMin = 0] = versionMin;
  if (major > majorMin || (major === majorMin && minor >= minorMin)) return;
  const text = `Cannot use NATS ${version} at ${servers.join(", ")}: it is too old`;
  throw new WsctlError(
    "UNAVAILABLE",
    `${text}. Install nats-server ${versionMin.join(".")} or later`,
  );
}

const thread = new NatsThread();

async function answer(call: CallName, id: number, input: unknown): Promise<void> {
  try {
    const run = thread.calls[call] as (input: unknown) => unknown;
    send({ id, output: await run(input) });
  } catch (error) {
    const { code, message } = explainNatsError(error, thread.servers);
    const known = code === "USAGE" || code === "INTERNAL" ? code : "UNAVAILABLE";
    send({ id, error: { code: known, message } });
  }
}

parentPort?.on("message", (message: ToThread) => {
  if ("publish" in message) return thread.publish(message.publish);
  if ("taken" in message) return thread.taken(message.taken);
  void answer(message.call, message.id, message.input);
});
