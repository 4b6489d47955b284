/** An agent, put together: journal, commands, figures and connection of this very host. */
import { randomUUID } from "node:crypto";
import { arch, hostname, platform } from "node:os";
import process from "node:process";
import type { Clock } from "../clock.ts";
import type { Log } from "../log.ts";
import { heartbeatSecondsDefault, messageBytesMax } from "../protocol/limits.ts";
import { protocolVersion, subprotocol, version } from "../protocol/version.ts";
import type { Runtime } from "../runtime/runtime.ts";
import type { AgentFacts } from "./commands/command.ts";
import { check, commands, run } from "./commands/registry.ts";
import { AgentEngine } from "./engine.ts";
import type { AgentJournal } from "./journal.ts";
import { Catalogue } from "./programs/catalogue.ts";
import { readProgram } from "./programs/manifest.ts";
import { Programs } from "./programs/programs.ts";
import { Runs } from "./programs/runs.ts";
import { readService } from "./programs/service.ts";
import { UsageMeter } from "./usage.ts";

export interface AgentOptions {
  /** `ws://…` or `wss://…` up to and without the path. */
  server: string;
  token: string;
  /** PEM text of the authorities to trust instead of the system's. */
  ca?: string;
  /** Warned about when the token makes this agent somebody else. */
  agentId?: string;
  heartbeatSeconds?: number;
  journal: AgentJournal;
  /** Manifests of the operator's own commands; need not exist. */
  commandsDir: string;
  /** Manifests of the services that may be restarted; need not exist. */
  servicesDir: string;
  /** Manifests of the logs that may be fetched; need not exist. */
  logsDir: string;
  /** Patterns of what `exec` may run; none for nothing. */
  allowExec: readonly string[];
  /** Where running programs keep what is known of them. */
  runsDir: string;
  runtime: Runtime;
  clock: Clock;
  log: Log;
  /** Replaces this process; by default through the runtime. */
  restart?: () => never;
}

/** Runs an agent until the signal is aborted: then its commands end, and its connection. */
export function runAgent(options: AgentOptions, signal: AbortSignal): Promise<void> {
  const { journal, runtime, clock, log, agentId } = options;
  const facts = factsOf(runtime, clock);
  const programs = programsOf(options);
  const meter = new UsageMeter({ now: () => clock.now() });
  return new Promise((resolve) => {
    const engine = new AgentEngine({
      hello: {
        protocol_version: protocolVersion,
        version,
        instance_id: randomUUID(),
        hostname: facts.hostname,
        os: facts.os,
        arch: facts.arch,
      },
      heartbeatSeconds: options.heartbeatSeconds ?? heartbeatSecondsDefault,
      ...(agentId === undefined ? {} : { agentId }),
      check: (name, parameters) => {
        return programs.check(name, parameters) ?? check(name, parameters, programs.names);
      },
      self: { pid: facts.pid, version },
      journal,
      clock,
      log,
      random: Math.random,
      connect: (events) => runtime.connect(connectOptions(options), events),
      run: (order, abort, done) => {
        if (programs.isTheirs(order)) return programs.run(order, abort, done);
        void run(order.command, order.parameters, { signal: abort, facts }).then(done);
      },
      adopt: (requestId, abort, done) => programs.adopt(requestId, abort, done),
      forget: (requestId) => programs.forget(requestId),
      measure: () => meter.measure(),
      restart: options.restart ?? runtime.reexec,
      onStopped: resolve,
    });
    engine.start();
    if (signal.aborted) engine.stop();
    else signal.addEventListener("abort", () => engine.stop(), { once: true });
  });
}

/** What runs outside of this process; runs that nobody waits for any more are swept away. */
function programsOf(options: AgentOptions): Programs {
  const { commandsDir, servicesDir, allowExec, runsDir, journal, runtime, clock, log } = options;
  const runs = new Runs({ dir: runsDir, self: runtime.self(), log });
  const running = journal.unsettled().filter(({ state }) => state === "started");
  runs.sweep(
    running.map(({ requestId }) => requestId),
    clock.now(),
  );
  return new Programs({
    commands: new Catalogue(commandsDir, readProgram, [...commands.keys(), "exec"], log),
    services: new Catalogue(servicesDir, readService, [], log),
    allowExec,
    runs,
  });
}

function connectOptions({ server, token, ca }: AgentOptions) {
  return {
    url: `${server}/agent`,
    headers: { Authorization: `Bearer ${token}` },
    protocols: [subprotocol],
    messageBytesMax,
    ...(ca === undefined ? {} : { ca }),
  };
}

function factsOf(runtime: Runtime, clock: Clock): AgentFacts {
  return {
    version,
    runtime: `${runtime.name} ${runtime.version}`,
    hostname: hostname(),
    os: platform(),
    arch: arch(),
    pid: process.pid,
    startedAt: clock.now(),
  };
}
