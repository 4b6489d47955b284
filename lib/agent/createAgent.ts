/** An agent inside another program: its commands are functions of that program. */
import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { arch, hostname, platform } from "node:os";
import { join } from "node:path";
import { type Log, silentLog } from "../log/log.ts";
import { parseServerAddress } from "../protocol/api/serverAddress.ts";
import { WsctlError } from "../protocol/errors.ts";
import type { Labels } from "../protocol/labels.ts";
import {
  acceptedMax,
  heartbeatSecondsDefault,
  messageBytesMax,
  runningMax,
  timeoutSecondsMax,
} from "../protocol/limits.ts";
import { protocolVersion, subprotocol, version } from "../protocol/wire/version.ts";
import { loadRuntime } from "../runtime/load.ts";
import type { Runtime } from "../runtime/runtime.ts";
import { openFileStorage } from "../store/log/fileStorage.ts";
import { systemClock } from "../time/clock.ts";
import { capabilitiesJson } from "./capabilities.ts";
import { type CommandOptions, CommandSet } from "./embedded/commandSet.ts";
import { LiveOutput } from "./embedded/liveOutput.ts";
import type { StandardSchema } from "./embedded/standardSchema.ts";
import { AgentEngine } from "./engine.ts";
import { HostMetricsReader } from "./hostMetrics.ts";
import { type AgentJournal, openAgentJournal } from "./journal/journal.ts";
import { MemoryJournal } from "./journal/memoryJournal.ts";

export interface AgentOptions {
  /** `http(s)://HOST[:PORT][/PATH]` of a control plane, or `ws(s)://…` of any implementation. */
  server: string;
  /** The agent's token, or a function that returns it for each connection. */
  token: string | (() => string);
  /** The file with the CA certificates to trust (PEM), for a control plane with its own. */
  caFile?: string;
  /** Labels of this agent, for target selectors. */
  labels?: Labels;
  /**
   * A directory of this agent alone. With one, a request is run at most once across restarts of the
   * program; without one, only while the program lives.
   */
  stateDir?: string;
  heartbeatSeconds?: number;
  /** The number of commands that run at the same time. */
  maxRunning?: number;
  /** Called when the connection has come up or has been lost. */
  onConnected?(isUp: boolean): void;
  /** `console` is a log. By default nothing is logged. */
  log?: Log;
}

/** An agent. It keeps its connection, and reconnects by itself. */
export interface Agent {
  /** Adds a command. A command that is added while the agent runs is announced at once. */
  command<Schema extends StandardSchema>(name: string, options: CommandOptions<Schema>): Agent;
  /** Starts the agent. Resolves when it has connected for the first time. */
  start(): Promise<void>;
  /** Ends with the running commands, then closes the connection. */
  stop(): Promise<void>;
  readonly isConnected: boolean;
}

/**
 * Creates an agent. It does nothing until it is started.
 *
 * @throws {WsctlError} USAGE if the address of the control plane is invalid
 */
export function createAgent(options: AgentOptions): Agent {
  const address = parseServerAddress(options.server);
  if (address === undefined) {
    const text = `Cannot use the address "${options.server}": it is not http(s):// or ws(s)://`;
    throw new WsctlError("USAGE", `${text} with a host`);
  }
  return new EmbeddedAgent(options, address.agentUrl);
}

class EmbeddedAgent implements Agent {
  readonly #options: AgentOptions;
  readonly #url: string;
  readonly #commands = new CommandSet();
  readonly #output = new LiveOutput();
  readonly #stopped = Promise.withResolvers<void>();
  readonly #connected = Promise.withResolvers<void>();
  #engine: AgentEngine | undefined;
  #isConnected = false;

  constructor(options: AgentOptions, url: string) {
    this.#options = options;
    this.#url = url;
  }

  get isConnected(): boolean {
    return this.#isConnected;
  }

  command<Schema extends StandardSchema>(name: string, options: CommandOptions<Schema>): Agent {
    this.#commands.add(name, options as CommandOptions<StandardSchema>);
    this.#engine?.poll();
    return this;
  }

  async start(): Promise<void> {
    if (this.#engine !== undefined) return this.#connected.promise;
    const runtime = await loadRuntime();
    this.#engine ??= this.#build(runtime);
    this.#engine.start();
    return this.#connected.promise;
  }

  async stop(): Promise<void> {
    if (this.#engine === undefined) return;
    this.#engine.stop();
    await this.#stopped.promise;
  }

  #build(runtime: Runtime): AgentEngine {
    const { labels, heartbeatSeconds, maxRunning, log = silentLog, onConnected } = this.#options;
    const clock = systemClock();
    const meter = new HostMetricsReader({ now: () => clock.now() });
    return new AgentEngine({
      hello: {
        protocol_version: protocolVersion,
        version,
        instance_id: randomUUID(),
        hostname: hostname(),
        os: platform(),
        arch: arch(),
        ...(labels === undefined ? {} : { labels }),
      },
      heartbeatSeconds: heartbeatSeconds ?? heartbeatSecondsDefault,
      check: (name, parameters) => this.#commands.check(name, parameters),
      limits: {
        running: maxRunning ?? runningMax,
        waiting: acceptedMax,
        timeoutMs: timeoutSecondsMax * 1000,
      },
      self: { pid: process.pid, version },
      journal: openJournal(this.#options, runtime),
      ...{ clock, log },
      random: Math.random,
      connect: (events) => runtime.connect(this.#connection(), events),
      run: (spec, signal, done) => {
        const { requestId } = spec;
        this.#output.begin(requestId);
        const write = (text: string, stream: "stdout" | "stderr" = "stdout") =>
          this.#output.write(requestId, text, stream);
        void this.#commands.run(spec, { requestId, signal, write }).then((result) => {
          this.#output.end(requestId);
          done(result);
        });
      },
      resume: (_requestId, _signal, done) =>
        done({ status: "unknown", message: "the agent's process ended while it ran" }),
      deleteRunDirectory: () => {},
      subscribeOutput: (subscription, emit) => this.#output.subscribe(subscription, emit),
      unsubscribeOutput: (left) => this.#output.unsubscribe(left),
      readCapabilities: () => capabilitiesJson(this.#commands.capabilities()),
      readHostMetrics: () => meter.read(),
      restart: () => {},
      onConnected: (isUp) => {
        this.#isConnected = isUp;
        if (isUp) this.#connected.resolve();
        onConnected?.(isUp);
      },
      onStopped: this.#stopped.resolve,
    });
  }

  #connection() {
    const { token, caFile } = this.#options;
    const trust = caFile === undefined ? {} : { ca: readFileSync(caFile, "utf8") };
    const bearer = typeof token === "string" ? token : token();
    const headers = { Authorization: `Bearer ${bearer.trim()}` };
    return { url: this.#url, headers, protocols: [subprotocol], messageBytesMax, trust };
  }
}

function openJournal({ stateDir }: AgentOptions, { tryLock }: Runtime): AgentJournal {
  if (stateDir === undefined) return new MemoryJournal();
  const storage = openFileStorage({ path: join(stateDir, "log"), tryLock });
  return openAgentJournal({ storage, clock: systemClock() });
}
