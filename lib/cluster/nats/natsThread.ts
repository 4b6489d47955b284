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
import { systemClock } from "../../time/clock.ts";
import { LogStream } from "../stream/logStream.ts";
import { Buckets, leaseMs } from "./buckets.ts";
import { JetStreamAccess } from "./jetStreamAccess.ts";
import { openBucket } from "./keyValue.ts";
import { NatsCalls, type OpenedNats } from "./natsCalls.ts";
import { explainNatsError, jetStreamCode, jetStreamCodes } from "./natsErrors.ts";
import type {
  CallName,
  FromThread,
  NatsSettings,
  ThreadEvent,
  ToThread,
} from "./threadMessages.ts";

/** The oldest server whose streams have what is needed. */
const versionMin = [2, 9];
/** How long a start waits for servers that have no leader yet. */
const readyMs = 90_000;
/** Servers that have just started do not know all others yet. */
const peersMs = 5_000;
const readyRetryMs = 500;

const send = (message: FromThread) => parentPort?.postMessage(message);
const tell = (event: ThreadEvent) => send(event);
let servers: readonly string[] = [];

async function open(settings: NatsSettings): Promise<OpenedNats> {
  servers = settings.servers;
  const connection = await connect(connectionOptions(settings));
  const { info } = connection;
  const version = info?.version ?? "unknown";
  assertVersion(version, servers);
  const replicas = settings.replicas ?? (info?.cluster === undefined ? 1 : 3);
  const clock = systemClock();
  const { cluster } = settings;
  const openAll = async () => {
    const access = await JetStreamAccess.open(connection, cluster, replicas);
    const shared = await openBucket(connection, `wsctl_${cluster}`, { replicas });
    const live = await openBucket(connection, `wsctl_${cluster}_live`, {
      replicas,
      ttlMs: leaseMs,
    });
    // A stream that answers this can take entries, too.
    return { access, shared, live, state: await access.state() };
  };
  const ready = await whenReady(openAll, (reason) => tell({ event: "waiting", reason }));
  const events = {
    leader: (leader) => tell({ event: "leader", leader }),
    elected: (epoch) => tell({ event: "elected", epoch }),
    retaken: () => tell({ event: "retaken" }),
    deposed: (reason) => tell({ event: "deposed", reason }),
    trouble: (reason) => tell({ event: "trouble", reason }),
  } satisfies ConstructorParameters<typeof Buckets>[0]["events"];
  void watchConnection(connection);
  return {
    state: { server: connection.getServer(), version, replicas: ready.state.replicas },
    stream: new LogStream(ready.access, clock),
    buckets: new Buckets({ shared: ready.shared, live: ready.live, clock, events }),
    close: () => connection.close(),
  };
}

async function watchConnection(connection: NatsConnection): Promise<void> {
  for await (const { type } of connection.status()) {
    if (type === "disconnect") tell({ event: "connection", isUp: false });
    if (type === "reconnect") tell({ event: "connection", isUp: true });
  }
}

/** Servers that have just started choose a leader of their own first. */
async function whenReady<T>(open: () => Promise<T>, waits: (reason: string) => void): Promise<T> {
  const startedAt = performance.now();
  for (const until = startedAt + readyMs; ; ) {
    try {
      return await open();
    } catch (error) {
      const isPassing =
        error instanceof TimeoutError ||
        jetStreamCode(error) === jetStreamCodes.temporarilyUnavailable ||
        (jetStreamCode(error) === jetStreamCodes.noSuitablePeers &&
          performance.now() - startedAt < peersMs);
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

const thread = new NatsCalls(open, tell);

async function answer(call: CallName, id: number, input: unknown): Promise<void> {
  try {
    const run = thread.calls[call] as (input: unknown) => unknown;
    send({ id, output: await run(input) });
  } catch (error) {
    const { code, message } = explainNatsError(error, servers);
    const known = code === "USAGE" || code === "INTERNAL" ? code : "UNAVAILABLE";
    send({ id, error: { code: known, message } });
  }
}

parentPort?.on("message", (message: ToThread) => {
  if ("publish" in message) return thread.publish(message.publish);
  if ("taken" in message) return thread.taken(message.taken);
  void answer(message.call, message.id, message.input);
});
