/** Starts a control plane: journal, engine, application, server and local credentials. */
import { join } from "node:path";
import type { Hono } from "hono";
import { v7 as newId } from "uuid";
import { AddressRanges } from "../protocol/addressRange.ts";
import { localFile } from "../protocol/api/localCredentials.ts";
import { basePath } from "../protocol/api/serverAddress.ts";
import { errorText, type WsctlError } from "../protocol/errors.ts";
import { heartbeatSecondsDefault } from "../protocol/limits.ts";
import { formatRuntime } from "../runtime/load.ts";
import type { Server } from "../runtime/runtime.ts";
import { watchExports } from "../tracing/exportFaults.ts";
import { SpanSink } from "../tracing/spanSink.ts";
import type { ClusterSeat } from "./api/clusterSeat.ts";
import type { PublicAddress } from "./api/publicAddress.ts";
import { type ArtifactLimits, ArtifactService } from "./artifacts/artifactService.ts";
import { LocalStore } from "./artifacts/localStore.ts";
import { type S3Options, S3Store } from "./artifacts/s3Store.ts";
import { ClientAddresses } from "./auth/clientAddress.ts";
import type { HostAuthentication } from "./auth/hostUser.ts";
import { writeLocalCredentials } from "./auth/localCredentials.ts";
import { registerMissingAgents } from "./auth/registerMissingAgents.ts";
import { Revocations } from "./auth/revocation.ts";
import type { ConsoleSettings } from "./console/console.ts";
import { oidcCallbackPath } from "./console/oidc/oidcRoutes.ts";
import { Engine } from "./engine/engine.ts";
import { ConditionWatch } from "./events/conditionWatch.ts";
import { EventLines } from "./events/eventLines.ts";
import { EventLog } from "./events/eventLog.ts";
import { WebhookSender } from "./events/webhookSender.ts";
import { AllowedHosts } from "./http/allowedHosts.ts";
import { createApp } from "./http/app.ts";
import { mounted } from "./http/mounted.ts";
import { JobSubmitter } from "./jobs/submitJob.ts";
import type { IndexOpener } from "./journal/feed/journalIndex.ts";
import { HistoryMaintenance, type JobRetention } from "./journal/history/maintenance.ts";
import type { ControlJournal } from "./journal/journal.ts";
import { guardLineage, openJournal } from "./journal/lineage/openJournal.ts";
import { logRetention } from "./journal/logRetention.ts";
import { openDescriptorReserve } from "./link/descriptorReserve.ts";
import { ResourceMonitor } from "./link/resourceMonitor.ts";
import {
  buildPublicAddress,
  type ListenOptions,
  listen,
  localUrl,
  openServerCertificates,
} from "./listen.ts";
import { JobTraces } from "./metrics/jobTraces.ts";
import { MetricsWriter } from "./metrics/metricsWriter.ts";
import { ControlMetrics } from "./metrics/prometheus.ts";
import { Scheduler } from "./schedules/scheduler.ts";
import { certificateNames, readChain } from "./tls/certificateCheck.ts";

export interface ControlOptions extends ListenOptions {
  /** Addresses and ranges of reverse proxies that report the addresses of clients. */
  trustedProxies: readonly string[];
  /** Addresses and ranges that webhooks may be sent to although they are not public. */
  webhookAddresses: readonly string[];
  /** How long an agent is offline before that is an event, in milliseconds. */
  offlineMs: number;
  /** Whether an administrator must approve agents that join. */
  approveAgents: boolean;
  console: ConsoleSettings;
  /** Commands that need the approval of a second operator. */
  approvalCommands: ReadonlySet<string>;
  /** Commands that need a reason; `*` is all of them. */
  reasonCommands: ReadonlySet<string>;
  heartbeatSeconds?: number;
  artifactLimits: ArtifactLimits;
  /** The object storage, in place of the data directory. */
  s3?: Omit<S3Options, "fetch">;
  /** How long jobs and audit entries are kept, and the reason for the latter. */
  retention: JobRetention & { auditMs: number; auditWhy: string };
  /** Identifies people of that program. */
  authenticate?: HostAuthentication;
  /** How long closing waits for running requests. */
  drainTimeoutMs: number;
  /** Whether the events of the log and the actions of people are logged as lines, too. */
  logsEvents?: boolean;
  /** Goes on although a control plane that was restored from a backup of this one has taken over. */
  isTakingOver?: boolean;
  /** Adds routes to the application. */
  extend?: (app: Hono) => void;
  /** Opens the index of the log; by default, the event loop writes it. */
  openIndex?: IndexOpener;
  /** The place of this control plane in a cluster that it leads. */
  seat?: ClusterSeat;
}

export interface Control {
  /** The URL for clients on this host. */
  url: string;
  /** The URL for others. */
  publicUrl: string;
  port: number;
  /** Resolves if the control plane must not go on: another one has taken over. */
  failed: Promise<WsctlError>;
  /**
   * Drains, then stops.
   *
   * @param drainTimeoutMs By default that of the options.
   */
  close(drainTimeoutMs?: number): Promise<void>;
}

/**
 * Starts a control plane.
 *
 * @throws {WsctlError} USAGE, STORAGE_UNAVAILABLE or UNAVAILABLE (port in use)
 */
export async function startControl(options: ControlOptions): Promise<Control> {
  const { runtime, clock, log } = options;
  const certificates = await openServerCertificates(options);
  const tls = certificates?.current;
  const journal = openJournal({
    ...options,
    journal: options.seat?.journal,
    tryLock: runtime.tryLock,
  });
  const heartbeatSeconds = options.heartbeatSeconds ?? heartbeatSecondsDefault;
  const superseded = Promise.withResolvers<WsctlError>();
  const lineage = guardLineage(journal, log, (error) => {
    engine.notify({ type: "drainStarted" });
    superseded.resolve(error);
  });
  const engine = new Engine({
    lineage,
    ...{ journal, clock, log, heartbeatSeconds, newId, isTls: tls !== undefined },
    ...(options.seat === undefined ? {} : { addresses: options.seat.addresses }),
  });
  const now = () => engine.time.now();
  const { approvalCommands, reasonCommands } = options;
  const blocked = (ids: readonly string[]) => journal.tokens.blocked(ids, clock.wall());
  const traces = new JobTraces(
    engine,
    await SpanSink.open("wsctl-serve", watchExports(log, clock)),
  );
  const metrics = new ControlMetrics({ engine, clock, runtime: formatRuntime() });
  const jobs = new JobSubmitter({
    ...{ engine, blocked, approvalCommands, reasonCommands, newId, now },
    trace: (jobId, given) => traces.position(jobId, given),
    onAccepted: (job) => metrics.jobAccepted(job),
  });
  registerMissingAgents(engine, clock.wall());
  const artifacts = createArtifacts(options, journal);
  const revocations = new Revocations(engine, clock, log);
  const agentMetrics = new MetricsWriter(engine, clock, log);
  const events = new EventLog(engine);
  const webhooks = new WebhookSender({
    ...{ engine, events, fetch: runtime.fetchWith({}), clock, log },
    allowed: new AddressRanges(options.webhookAddresses),
  });
  const scheduler = new Scheduler({ engine, jobs, clock, log, newId });
  const descriptors = openDescriptorReserve();
  if (descriptors.advice !== undefined) log.warn(descriptors.advice);
  if (tls === undefined && !isLoopback(options.host)) {
    log.warn("The network can read tokens and commands: TLS is off", { host: options.host });
  }
  let place: PublicAddress;
  const consoleSettings = withPublicUrl(options);
  const mountPath = options.mount?.path ?? "";
  const urls = [options.publicUrl, consoleSettings.url].filter((each) => each !== undefined);
  let server: Server;
  try {
    const app = createApp({
      engine,
      jobs,
      artifacts,
      metrics,
      events,
      webhooks,
      revocations,
      scheduler,
      descriptors,
      runtime,
      clock,
      log,
      hosts: new AllowedHosts([
        ...options.advertised,
        ...(tls === undefined ? [] : readChain(tls).slice(0, 1).flatMap(certificateNames)),
        ...urls.map((each) => new URL(each).hostname),
      ]),
      addresses: new ClientAddresses(runtime, options.trustedProxies, options.seat?.nodeSecret),
      basePaths: [...urls.map(basePath), mountPath],
      ...(options.authenticate === undefined ? {} : { authenticate: options.authenticate }),
      publicAddress: () => place,
      approveAgents: options.approveAgents,
      dataDir: options.dataDir,
      seat: options.seat,
      extend: options.extend,
      console: consoleSettings,
      isTls: tls !== undefined,
    });
    server = await listen(options, certificates, mounted(options.mount, app));
  } catch (error) {
    scheduler.close();
    engine.close();
    throw error;
  }
  const url = localUrl(options, server.port, tls !== undefined);
  place = buildPublicAddress(options, server.port, certificates);
  const { oidc, url: consoleUrl = place.url } = consoleSettings;
  if (oidc)
    log.info(`OpenID login enabled at ${oidc.issuer}`, { callback: consoleUrl + oidcCallbackPath });
  const path = join(options.dataDir, localFile);
  const trust = certificates?.localTrust ?? {};
  const sharedToken = options.seat?.localToken;
  writeLocalCredentials({ path, journal, url, trust, sharedToken, now: clock.wall() });
  const resources = new ResourceMonitor({
    ...{ descriptors, server, clock, log },
    checkJournal: () => engine.checkJournal(),
    followClock: () => void engine.time.now(),
  });
  const { dataDir, offlineMs } = options;
  const conditions = new ConditionWatch({ engine, dataDir, offlineMs, clock, log });
  const lines = options.logsEvents ? [new EventLines({ engine, events, clock, log })] : [];
  const services = [
    ...startRetention(options, journal),
    resources,
    metrics,
    webhooks,
    conditions,
    ...lines,
  ];
  for (const each of [artifacts, ...services]) each.start();
  return {
    url,
    publicUrl: place.url,
    port: server.port,
    failed: superseded.promise,
    async close(drainTimeoutMs = options.drainTimeoutMs) {
      certificates?.close();
      revocations.close();
      scheduler.close();
      await engine.drain(drainTimeoutMs);
      await agentMetrics.close();
      await engine.responseStreams.stop();
      await server.stop();
      await traces.close();
      for (const each of [artifacts, ...services]) each.close();
      engine.close();
    },
  };
}

function startRetention({ retention, clock, log }: ControlOptions, journal: ControlJournal) {
  const { auditMs: keepMs, auditWhy: why, ...jobs } = retention;
  const segments = logRetention({ journal, keepMs, reason: why, clock, log });
  return [new HistoryMaintenance({ ...jobs, journal, clock, log }), segments];
}

/** The console is below the public URL, unless it has a URL of its own. */
function withPublicUrl({ console: settings, publicUrl: url }: ControlOptions): ConsoleSettings {
  return url === undefined ? settings : { url, ...settings };
}

function createArtifacts(
  options: ControlOptions,
  { artifacts: records }: ControlJournal,
): ArtifactService {
  const { runtime, clock, log, s3, artifactLimits: limits } = options;
  const common = { records, limits, newId, clock, log };
  if (s3 === undefined) {
    const dir = join(options.dataDir, "artifacts");
    return new ArtifactService({
      ...common,
      store: new LocalStore(dir, () => clock.wall(), options.seat),
    });
  }
  const store = new S3Store({ ...s3, fetch: runtime.fetchWith({}) });
  // The store may start after the control plane: the error is logged, and later calls try again.
  store.probe().catch((error) => log.error(errorText(error)));
  return new ArtifactService({ ...common, store });
}

function isLoopback(host: string): boolean {
  return /^(127\.\d+\.\d+\.\d+|::1|\[::1\]|localhost)$/.test(host);
}
