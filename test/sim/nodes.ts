/** The processes of a world: the product's own engines and cores on virtual disks and sockets. */
import { capabilitiesJson } from "../../lib/agent/capabilities.ts";
import type { CommandResult, RunSpec, Update } from "../../lib/agent/core/model.ts";
import { AgentEngine } from "../../lib/agent/engine.ts";
import { Engine } from "../../lib/control/engine/engine.ts";
import { JobSubmitter } from "../../lib/control/jobs/submitJob.ts";
import type { ControlJournal } from "../../lib/control/journal/journal.ts";
import { acceptedMax, runningMax } from "../../lib/protocol/limits.ts";
import { closeCodes } from "../../lib/protocol/wire/closeCodes.ts";
import type { ServerSocket } from "../../lib/runtime/runtime.ts";
import { AgentDisk } from "./agentDisk.ts";
import { type Acceptor, Connection } from "./network.ts";
import { Programs, type Work } from "./programs.ts";
import { ProcessClock } from "./time.ts";
import { Trial, type Version } from "./trials.ts";
import type { World } from "./world.ts";

const capabilities = capabilitiesJson([]);

/** A control plane's process, from its start to its end. */
export class ControlProcess {
  readonly clock: ProcessClock;
  readonly engine: Engine;
  readonly jobs: JobSubmitter;

  constructor(world: World, clock: ProcessClock, journal: ControlJournal) {
    this.clock = clock;
    this.engine = new Engine({
      journal,
      clock,
      log: world.logOf("control"),
      heartbeatSeconds: world.plan.heartbeatSeconds,
      newId: () => world.newId(),
    });
    this.jobs = new JobSubmitter({
      engine: this.engine,
      blocked: () => new Map(),
      reasonCommands: new Set(),
      approvalCommands: new Set(["guarded"]),
      newId: () => world.newId(),
      now: () => this.engine.time.now(),
    });
  }

  acceptor(world: World, { agentId, isPlain }: Host): Acceptor {
    const { engine } = this;
    const v1 = !isPlain;
    return {
      opened: (socket: ServerSocket) => {
        if (world.ledger.isRevoked(agentId)) {
          socket.close(closeCodes.unauthorized.code, closeCodes.unauthorized.meaning);
          return 0;
        }
        const tokenId = `token of ${agentId}`;
        return engine.connectionOpened(
          { agentId, tokenId, isExtended: v1, address: "virtual" },
          socket,
        );
      },
      received: (sessionId, frame) => {
        if (sessionId > 0) engine.messageReceived(sessionId, frame);
      },
      closed: (sessionId) => {
        if (sessionId > 0) engine.connectionClosed(sessionId);
      },
    };
  }
}

/** A machine with a disk, on which an agent runs again and again. */
export class Host {
  readonly name: string;
  readonly agentId: string;
  disk: AgentDisk;
  /** By how much its system's clock is ahead of the world's time. */
  clockAheadMs = 0;
  clock: ProcessClock | undefined;
  connection: Connection | undefined;
  /** Counts processes: the proof of a restart. */
  starts = 0;
  #engine: AgentEngine | undefined;
  readonly #programs: Programs;
  /** The next crash is one of the whole machine: what runs on it dies too. */
  isPowerCut = false;
  /** Commands of the kind that ends the process, which this process has begun. */
  #restarts: string[] = [];
  readonly isPlain: boolean;
  readonly #world: World;
  /** What whoever starts the agent anew will start. */
  installed: Version = { name: "first", kind: "good" };
  #trial: Trial | undefined;
  #isGone = false;

  constructor(world: World, name: string, agentId: string, isPlain: boolean) {
    this.#world = world;
    this.isPlain = isPlain;
    this.name = name;
    this.agentId = agentId;
    this.#programs = new Programs(world, this);
    this.disk = AgentDisk.empty(world.random);
  }

  /** Of the process that runs now, or ran last. */
  get instanceId(): string {
    return `process ${this.starts} on ${this.name}`;
  }

  /** Whether the network lets it through to this control plane. */
  mayJoin: (control: ControlProcess) => boolean = () => true;

  get isRunning(): boolean {
    return this.clock?.isAlive === true;
  }

  /** The installed version, or the one on trial; a broken one gets no further than its process. */
  start(trialFault?: string): void {
    if (this.#isGone) return;
    const world = this.#world;
    const clock = new ProcessClock(world.time, () => this.clockAheadMs);
    const { disk } = this;
    const trial = this.#trial;
    const version = trial?.version ?? this.installed;
    this.clock = clock;
    this.#engine = undefined;
    if (version.kind !== "good") return;
    this.starts++;
    world.ledger.started(this.agentId, world.time.now);
    this.#restarts = [];
    // Who followed did so through the process before this one.
    this.#programs.unfollow();
    disk.faults.isAlive = () => clock.isAlive;
    disk.faults.onCrash = () => this.crash("commit");
    const engine = new AgentEngine({
      hello: { protocol_version: 1, version: "0.0.0", instance_id: this.instanceId },
      heartbeatSeconds: world.plan.heartbeatSeconds,
      agentId: this.agentId,
      check: (name) => {
        if (name === "nope") return { code: "INVALID_COMMAND", message: "nobody knows it" };
        const isUpdate = name === "update";
        if (isUpdate && trial !== undefined) return { code: "BUSY", message: "on trial" };
        const outlives = name === "program" || isUpdate;
        return { endsProcess: name === "restart", outlives, concurrency: isUpdate ? 1 : 2 };
      },
      limits: { running: runningMax, waiting: acceptedMax, timeoutMs: 86_400_000 },
      self: {
        pid: this.starts,
        version: version.name,
        isOnTrial: trial !== undefined,
        ...(trialFault === undefined ? {} : { trialFault }),
      },
      journal: disk.journal(clock),
      clock,
      log: world.logOf(this.name),
      random: () => world.random.unit(),
      connect: (events) => {
        const protocol = this.isPlain ? "" : "wsctl.v1";
        this.connection = new Connection(world.network, this.name, { clock, events, protocol });
        return this.connection.dial(() => world.serverFor(this));
      },
      run: (spec, signal, done) =>
        spec.command === "program" || spec.command === "update"
          ? this.#programs.start(clock, spec, signal, done)
          : this.#run(clock, spec, signal, done),
      resume: (requestId, signal, done) => this.#programs.adopt(clock, requestId, signal, done),
      deleteRunDirectory: (requestId) => this.#programs.forget(requestId),
      subscribeOutput: (subscription, emit) => this.#programs.follow(clock, subscription, emit),
      unsubscribeOutput: (left) => this.#programs.unfollow(left),
      readCapabilities: () => capabilities,
      readHostMetrics: () => ({ cpuPercent: 5, memoryBytes: 1e9 }),
      restart: (update) => this.#restart(update),
      onConnected: (isUp) => trial?.linked(isUp),
      onStopped: () => this.trialProcessEnded(),
    });
    this.#engine = engine;
    engine.start();
  }

  /** What the running process holds in memory. */
  get sizes() {
    return this.isRunning ? this.#engine?.sizes : undefined;
  }

  /** The process is gone, and with it what it had not written. */
  crash(why: string): void {
    if (this.clock === undefined || !this.clock.isAlive) return;
    this.clock.isAlive = false;
    this.disk.processDied();
    if (this.isPowerCut) this.#programs.kill();
    this.isPowerCut = false;
    this.#creditRestarts();
    this.connection?.clientDied();
    this.#world.trace(`${this.name} dies (${why})`);
    if (this.#trial !== undefined && this.#world.random.chance(0.5)) {
      // Only the new process was hit: the old one sees it end.
      return this.trialProcessEnded();
    }
    this.#trial?.abandoned();
    this.#trial = undefined;
    this.#world.startLater(this);
  }

  /** A restart that was on record has happened, whatever ended the process, and when. */
  #creditRestarts(): void {
    for (const { state, parameters } of this.disk.openRecords()) {
      const { marker } = parameters as unknown as Work;
      const hasBegun = this.#world.ledger.executions.has(`${marker}/${this.agentId}`);
      if (state !== "restarting" || hasBegun) continue;
      this.#world.executed(this, marker);
      this.#restarts.push(marker);
    }
    this.#world.ledger.restarted(this.#restarts, this.agentId);
  }

  /** The machine is taken away for good. */
  remove(): void {
    this.#isGone = true;
    this.#trial?.abandoned();
    if (this.clock !== undefined) this.clock.isAlive = false;
    this.connection?.clientDied();
  }

  /** Of a trial: its process is gone. */
  trialProcessEnded(): void {
    this.killTrialProcess();
    this.#trial?.ended();
  }

  killTrialProcess(): void {
    if (this.#trial === undefined) return;
    if (this.isRunning) this.#creditRestarts();
    if (this.clock !== undefined) this.clock.isAlive = false;
    this.connection?.clientDied();
  }

  /** It has proved itself, and makes room in order. */
  stopProved(): void {
    this.clock?.run(() => this.#engine?.stop());
  }

  install(version: Version): void {
    this.installed = version;
    this.#world.ledger.installed(this.agentId, version.name);
    this.#world.trace(`${this.name} has ${version.name} installed`);
  }

  /** What is installed runs again. */
  comeBack(fault: string | undefined): void {
    this.#trial = undefined;
    this.#world.met(fault === undefined ? "update proved" : "way back");
    this.#world.trace(`${this.name} comes back as ${this.installed.name}`);
    this.#world.time.after(50, () => {
      if (!this.isRunning) this.start(fault);
    });
  }

  #restart(update: Update | undefined): void {
    this.#world.ledger.restarted(this.#restarts, this.agentId);
    if (this.clock !== undefined) this.clock.isAlive = false;
    this.connection?.clientDied();
    if (update === undefined) {
      this.#world.met("restart in place");
      this.#world.trace(`${this.name} restarts`);
      this.#world.time.after(50, () => {
        if (!this.isRunning) this.start();
      });
    } else {
      this.#world.trace(`${this.name} tries ${update.to}`);
      this.#trial = new Trial(this.#world, this, update);
      this.start();
    }
  }

  #run(
    clock: ProcessClock,
    { command, parameters }: RunSpec,
    signal: AbortSignal,
    done: (result: CommandResult) => void,
  ): void {
    const { marker, ms, ends, stubborn } = parameters as unknown as Work;
    this.#world.trace(`${this.name} runs ${command} of ${marker}`);
    this.#world.executed(this, marker);
    if (command === "restart") this.#restarts.push(marker);
    let isDone = false;
    const end = (result: CommandResult) => {
      if (!isDone) done(result);
      isDone = true;
    };
    const result: CommandResult =
      command === "restart"
        ? { status: "restart" }
        : { status: ends, message: `${marker}/${this.agentId}: done` };
    clock.after(ms, () => end(result));
    if (stubborn) return;
    signal.addEventListener("abort", () => {
      clock.defer(() => end({ status: "failed", message: `${marker}/${this.agentId}: aborted` }));
    });
  }
}
