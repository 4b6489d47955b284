/** A control plane, put together: journal, engine, application, server, local credentials. */
import { join } from "node:path";
import { v7 as newId } from "uuid";
import type { Clock } from "../clock.ts";
import type { Log } from "../log.ts";
import { errorText, WsctlError } from "../protocol/errors.ts";
import { bodyBytesMax, heartbeatSecondsDefault, messageBytesMax } from "../protocol/limits.ts";
import { localFile } from "../protocol/local.ts";
import { subprotocol } from "../protocol/version.ts";
import type { Runtime, Server, TlsOptions } from "../runtime/runtime.ts";
import { createApp } from "./app.ts";
import { type ArtifactLimits, Artifacts } from "./artifacts/artifacts.ts";
import { EmbeddedStore } from "./artifacts/embeddedStore.ts";
import { type S3Options, S3Store } from "./artifacts/s3Store.ts";
import { Engine } from "./engine.ts";
import type { ControlJournal } from "./journal.ts";
import { localHost, writeLocalCredentials } from "./localCredentials.ts";
import { openControlJournal } from "./sqliteJournal.ts";

export interface ControlOptions {
  host: string;
  /** 0 for any free one. */
  port: number;
  dataDir: string;
  tls?: TlsOptions;
  /** Serve others than this host without TLS: tokens and commands are readable on the way. */
  insecurePlaintext?: boolean;
  heartbeatSeconds?: number;
  artifactLimits: ArtifactLimits;
  /** Where artifacts are kept instead of the data directory. */
  s3?: Omit<S3Options, "fetch">;
  /** How long running requests are waited for when closing. */
  drainMs: number;
  runtime: Runtime;
  clock: Clock;
  log: Log;
}

export interface Control {
  /** How this host reaches it. */
  url: string;
  port: number;
  /** Drains, then stops. */
  close(): Promise<void>;
}

/** Starts a control plane; throws `USAGE`, `STORAGE_UNAVAILABLE` or `UNAVAILABLE` (port in use). */
export async function startControl(options: ControlOptions): Promise<Control> {
  const { runtime, clock, log, tls } = options;
  refuseOpenPlaintext(options);
  const journal = openControlJournal(join(options.dataDir, "control.db"));
  const heartbeatSeconds = options.heartbeatSeconds ?? heartbeatSecondsDefault;
  const engine = new Engine({ journal, clock, log, heartbeatSeconds, newId });
  const artifacts = artifactsOf(options, journal);
  let server: Server;
  try {
    server = await runtime.serve({
      app: createApp({ engine, artifacts, runtime, clock, log }),
      host: options.host,
      port: options.port,
      ...(tls ? { tls } : {}),
      protocols: [subprotocol],
      messageBytesMax,
      bodyBytesMax: Math.max(4 * bodyBytesMax, options.artifactLimits.bytesMax + 1),
      onFault: (error) => log.error("fault in a handler", { reason: errorText(error) }),
    });
  } catch (error) {
    engine.close();
    const text = `Cannot listen on ${options.host}:${options.port}: ${errorText(error)}`;
    throw new WsctlError("UNAVAILABLE", text, { cause: error });
  }
  const url = `${tls ? "https" : "http"}://${localHost(options.host, tls)}:${server.port}`;
  const path = join(options.dataDir, localFile);
  writeLocalCredentials({ path, journal, url, ...(tls ? { tls } : {}), now: clock.now() });
  artifacts.start();
  return {
    url,
    port: server.port,
    async close() {
      await engine.drain(options.drainMs);
      await server.stop();
      artifacts.close();
      engine.close();
    },
  };
}

function artifactsOf(options: ControlOptions, { artifacts: records }: ControlJournal): Artifacts {
  const { runtime, clock, log, s3, artifactLimits: limits } = options;
  const common = { records, limits, newId, clock, log };
  if (s3 === undefined) {
    const dir = join(options.dataDir, "artifacts");
    return new Artifacts({ ...common, store: new EmbeddedStore(dir, () => clock.now()) });
  }
  const store = new S3Store({ ...s3, fetch: runtime.fetchWith(undefined) });
  // It may well come up later than we do: said, and asked again whenever it is needed.
  store.probe().catch((error) => log.error(errorText(error)));
  return new Artifacts({ ...common, store });
}

function refuseOpenPlaintext({ host, tls, insecurePlaintext }: ControlOptions): void {
  const isLoopback = /^(127\.\d+\.\d+\.\d+|::1|\[::1\]|localhost)$/.test(host);
  if (isLoopback || tls !== undefined || insecurePlaintext === true) return;
  throw new WsctlError(
    "USAGE",
    `Cannot serve on "${host}" without TLS: give --tls-cert and --tls-key, or say --insecure-plaintext if every host on the way may read tokens and commands`,
  );
}
