/** Starts an agent on this host with its journal, commands, metrics and connection. */
import { randomUUID } from "node:crypto";
import { rmSync } from "node:fs";
import { FaultGuard } from "../log/faultGuard.ts";
import type { Log } from "../log/log.ts";
import { networkEnvironment } from "../network/proxyRules.ts";
import type { Trust } from "../network/trust.ts";
import type { Labels } from "../protocol/labels.ts";
import {
  capabilitiesPollMs,
  heartbeatSecondsDefault,
  keyLifetimeMsDefault,
} from "../protocol/limits.ts";
import { protocolVersion, version } from "../protocol/wire/version.ts";
import type { Runtime } from "../runtime/runtime.ts";
import type { Clock } from "../time/clock.ts";
import type { SpanSink } from "../tracing/spanSink.ts";
import type { AgentMetrics } from "./agentMetrics.ts";
import { capabilitiesJson, withSignatures } from "./capabilities.ts";
import type { HostInfo } from "./commands/command.ts";
import { check, commands, entries, run } from "./commands/registry.ts";
import type { HostLimits } from "./core/admission.ts";
import type { ProcessInfo, Update } from "./core/model.ts";
import { AgentEngine } from "./engine.ts";
import { pullFiles, pushFiles } from "./files/fileKinds.ts";
import { buildHostInfo } from "./hostInfo.ts";
import { HostMetricsReader } from "./hostMetrics.ts";
import type { AddressBook } from "./identity/addressBook.ts";
import type { CommandTrust } from "./identity/commandTrust.ts";
import { toControlPlane } from "./identity/controlPlaneAccess.ts";
import type { AgentIdentity } from "./identity/identity.ts";
import { KeyRenewal } from "./identity/keyRenewal.ts";
import { accessOf, openConnection } from "./identity/openConnection.ts";
import { whyUnreachable } from "./identity/whyUnreachable.ts";
import type { LogJournal } from "./journal/journal.ts";
import { type JournalRetentionOptions, journalRetention } from "./journal/journalRetention.ts";
import { fetchLogs } from "./logs/fetchLogsKind.ts";
import { parseSource } from "./logs/logSource.ts";
import { parseProgram } from "./manifests/commandManifest.ts";
import { ManifestDirectory } from "./manifests/manifestDirectory.ts";
import { builtInProgramNames } from "./programs/builtInPrograms.ts";
import { customCommands } from "./programs/customCommands.ts";
import { execWithin } from "./programs/exec.ts";
import type { ProgramKind } from "./programs/programKind.ts";
import { Programs } from "./programs/programs.ts";
import type { RunSetting } from "./programs/runSpec.ts";
import { scripts } from "./programs/scripts.ts";
import { parseService, type Service, serviceRestart } from "./programs/serviceRestart.ts";
import { traceRun } from "./requestTraces.ts";
import { checkRestart } from "./restartCheck.ts";
import { Runs } from "./supervisor/supervisorClient.ts";
import type { TrialReporter } from "./update/trialReporter.ts";
import { updateKind } from "./update/updateKind.ts";

export interface AgentOptions {
  /** The base of the API, and the WebSocket endpoint; there may be several. */
  addresses: AddressBook;
  /** Returns the token for one connection or call. It is empty if the agent has a key. */
  token(): string;
  /** The agent's key, if it has joined. */
  identity?: AgentIdentity;
  /** The age at which the agent replaces its key, in milliseconds. */
  keyLifetimeMs?: number;
  serverTrust: Trust;
  /** The expected agent id. The agent logs an error if the token belongs to another id. */
  agentId?: string;
  heartbeatSeconds?: number;
  /** Labels of this host, for target selectors. */
  labels?: Labels;
  journal: LogJournal;
  /** The directory with manifests of custom commands; need not exist. */
  commandsDir: string;
  /** The directory with manifests of services that `restart` may restart; need not exist. */
  servicesDir: string;
  /** The directory with manifests of log sources; need not exist. */
  logsDir: string;
  /** Patterns of the programs that `exec` may run. If there are none, `exec` is disabled. */
  allowExec: readonly string[];
  /** Patterns of the paths that may be written and read; if there are none, it is disabled. */
  allowPush: readonly string[];
  allowPull: readonly string[];
  /** Whether `run_script` may run scripts. */
  allowsScripts: boolean;
  limits: HostLimits;
  /** The keys whose signatures commands need. */
  trust: CommandTrust;
  /** The number of bytes that are kept of a program's output. */
  outputBytesMax: number;
  /** The public keys that may sign a release for this host, and how many of them must. */
  releaseKeys: readonly string[];
  releaseThreshold: number;
  /** The directory in which another version is staged for its trial. */
  updatesDir: string;
  /** The directory with the files of running programs. */
  runsDir: string;
  runtime: Runtime;
  clock: Clock;
  log: Log;
  /** How long the entries of this agent's audit trail are kept, and the reason for the limit. */
  auditRetention: Pick<JournalRetentionOptions, "keepMs" | "reason">;
  /** Takes the spans of commands; undefined if they are not traced. */
  spans?: SpanSink | undefined;
  /** Counts commands, and reads the state of this agent. */
  metrics?: AgentMetrics | undefined;
  /** Called when the control plane has accepted this agent. */
  onAccepted?(): void;
  /** Replaces this process, by another version if `update` is given. */
  restart(update: Update | undefined): void;
  /** Why the version that was tried before this process was not installed. */
  trialFault?: string;
  /** Set if this process is a new version on trial. */
  onTrial?: TrialReporter;
}

/**
 * Runs an agent until the signal is aborted. Resolves when its commands and its connection have
 * ended.
 */
export function runAgent(options: AgentOptions, signal: AbortSignal): Promise<void> {
  const { journal, clock, log, agentId, runtime } = options;
  const facts = buildHostInfo(clock);
  if (journal.tornBytes > 0) log.warn("unfinished log entry removed", { bytes: journal.tornBytes });
  deleteStaleUpdates(options);
  const services = new ManifestDirectory(options.servicesDir, parseService, [], log);
  const programs = new Programs(createProgramKinds(options, services), createRuns(options), {
    outputBytesMax: options.outputBytesMax,
    ...createHelpers(options),
  });
  const keeper = createKeyKeeper(options);
  const retention = journalRetention({ journal, ...options.auditRetention, clock, log });
  let isLinked = false;
  const meter = new HostMetricsReader({ now: () => clock.now() });
  return new Promise((resolve) => {
    const engine = new AgentEngine({
      hello: {
        protocol_version: protocolVersion,
        version,
        instance_id: randomUUID(),
        hostname: facts.hostname,
        os: facts.os,
        arch: facts.arch,
        ...(options.labels === undefined ? {} : { labels: options.labels }),
      },
      heartbeatSeconds: options.heartbeatSeconds ?? heartbeatSecondsDefault,
      ...(agentId === undefined ? {} : { agentId }),
      check: (name, parameters) => {
        const theirs = programs.entries().map((entry) => entry.name);
        return programs.check(name, parameters) ?? check(name, parameters, theirs);
      },
      limits: options.limits,
      judge: (command) => options.trust.check(command, clock.wall()),
      self: buildProcessInfo(options, facts),
      journal,
      clock,
      log,
      random: Math.random,
      connect: (events) => openConnection(options, events),
      prepareRun: (requestId) => programs.prepareRun(requestId),
      run: (given, abort, finish) => {
        const counted = options.metrics?.counted(given.command, finish) ?? finish;
        const { spec, done } = traceRun(given, counted, options.spans, agentId);
        if (programs.isProgram(spec)) return programs.run(spec, abort, done);
        const context = { signal: abort, host: facts, moveTo: mover(options, abort) };
        void run(spec.command, spec.parameters, context).then(done);
      },
      resume: (requestId, abort, done) => programs.resume(requestId, abort, done),
      deleteRunDirectory: (requestId) => programs.deleteRunDirectory(requestId),
      subscribeOutput: (subscription, emit) => programs.subscribeOutput(subscription, emit),
      unsubscribeOutput: (left) => programs.unsubscribeOutput(left),
      readCapabilities: () =>
        capabilitiesJson(
          withSignatures([...entries(services.names()), ...programs.entries()], (command) =>
            options.trust.requirement(command),
          ),
        ),
      readHostMetrics: () => meter.read(),
      storeAddresses: (addresses) => options.addresses.storeNodes(addresses),
      restartFault: () => checkRestart(runtime.self()),
      restart: (update) => options.restart(update),
      onConnected: (isUp) => {
        isLinked = isUp;
        if (isUp) options.onAccepted?.();
        options.onTrial?.linked(isUp);
      },
      onStopped: resolve,
    });
    options.metrics?.observe(() => ({
      isConnected: isLinked,
      running: engine.sizes.running,
      requests: engine.sizes.requests,
      journalBytes: journal.log.segments.reduce((sum, { bytes }) => sum + bytes, 0),
    }));
    engine.start();
    retention.start();
    const guard = new FaultGuard(log);
    const looking = setInterval(() => {
      guard.attempt("read changed manifests", () => engine.poll());
      guard.attempt("renew this agent's key", () => isLinked && keeper?.renewIfDue(clock.wall()));
    }, capabilitiesPollMs);
    const stop = () => {
      clearInterval(looking);
      retention.close();
      engine.stop();
    };
    if (signal.aborted) stop();
    else signal.addEventListener("abort", stop, { once: true });
  });
}

/** Returns what stores the address of a move and tries it. */
function mover({ addresses, runtime, serverTrust }: AgentOptions, signal: AbortSignal) {
  return (server: string) => {
    addresses.storeMove(server);
    return whyUnreachable(server, runtime.fetchWith(serverTrust), signal);
  };
}

/** Returns the programs that transfer files, which outlive the agent as the supervisor does. */
function createHelpers(options: AgentOptions): Pick<RunSetting, "fetching" | "storing"> {
  const helper = (name: string, request: object) => ({
    argv: [...options.runtime.self(), "internal", name],
    env: networkEnvironment(process.env),
    stdin: JSON.stringify({ access: accessOf(options), ...request }),
  });
  return {
    fetching: (request_id, files) => helper("fetch-files", { request_id, files }),
    storing: (request_id, ttl_seconds) => helper("store-artifacts", { request_id, ttl_seconds }),
  };
}

/** Deletes the files of runs that no open request needs. */
function createRuns({ runsDir, journal, runtime, clock, log }: AgentOptions): Runs {
  const runs = new Runs({ dir: runsDir, self: runtime.self(), clock, log });
  const running = journal.unacknowledged().filter(({ state }) => state === "started");
  runs.deleteOrphanedRuns(
    running.map(({ requestId }) => requestId),
    clock.now(),
  );
  return runs;
}

/** Deletes a staged version that no open request needs, because it takes much space. */
function deleteStaleUpdates({ journal, updatesDir, log }: AgentOptions): void {
  const isWanted = journal.unacknowledged().some(({ command }) => command === "update");
  if (isWanted) return;
  const remove = () => rmSync(updatesDir, { recursive: true, force: true });
  new FaultGuard(log).attempt(`remove "${updatesDir}"`, remove);
}

/** Returns the kinds of programs that this host allows. */
function createProgramKinds(
  options: AgentOptions,
  services: ManifestDirectory<Service>,
): ProgramKind[] {
  const { commandsDir, logsDir, updatesDir, allowExec, allowsScripts, runtime, log } = options;
  const { releaseKeys, releaseThreshold, onTrial } = options;
  const taken = [...commands.keys(), ...builtInProgramNames];
  const access = () => accessOf(options);
  const self = runtime.self();
  const program = runtime.program();
  return [
    serviceRestart(services),
    execWithin(allowExec),
    scripts(allowsScripts),
    pushFiles({ ...options, self, access }),
    pullFiles({ ...options, self, access }),
    fetchLogs({ sources: new ManifestDirectory(logsDir, parseSource, [], log), self, access }),
    updateKind({
      ...{ releaseKeys, releaseThreshold, self, program, access },
      dir: updatesDir,
      isOnTrial: onTrial !== undefined,
    }),
    customCommands(new ManifestDirectory(commandsDir, parseProgram, taken, log)),
  ];
}

function createKeyKeeper(options: AgentOptions): KeyRenewal | undefined {
  const { identity, keyLifetimeMs = keyLifetimeMsDefault, runtime, log } = options;
  if (identity === undefined) return undefined;
  const controlPlane = toControlPlane(accessOf(options), runtime.fetchWith);
  return new KeyRenewal({ identity, lifetimeMs: keyLifetimeMs, controlPlane, log });
}

function buildProcessInfo({ trialFault, onTrial }: AgentOptions, { pid }: HostInfo): ProcessInfo {
  return {
    pid,
    version,
    isOnTrial: onTrial !== undefined,
    ...(trialFault === undefined ? {} : { trialFault }),
  };
}
