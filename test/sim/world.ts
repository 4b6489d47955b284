/**
 * A world: a control plane, hosts with agents, operators and faults, from one seed, on virtual
 * time. The same seed is the same world, to the byte, on every run and every runtime.
 */

import type { Log } from "../../lib/log/log.ts";
import { holdBounds } from "./bounds.ts";
import { ControlClock } from "./controlClock.ts";
import { ControlDisk } from "./disks.ts";
import { judgeExpiry, judgeTime, judgeTimeout } from "./judges.ts";
import { Ledger } from "./ledger.ts";
import { Network } from "./network.ts";
import { ControlProcess, Host } from "./nodes.ts";
import { Operators } from "./operators.ts";
import {
  endMs,
  type Fault,
  healedMs,
  minuteMs,
  type Plan,
  type PlannedJob,
  planOf,
  restMs,
} from "./plan.ts";
import { Random } from "./random.ts";
import { judgeSending } from "./sendings.ts";
import { Strikes } from "./strikes.ts";
import { ProcessClock, Time } from "./time.ts";
import { tracingLog } from "./tracingLog.ts";

export interface WorldOptions {
  seed: number;
  /** Indexes of the planned faults that happen; all where it is not given. */
  faults?: readonly number[];
  /** Told every line of the trace. */
  onTrace?: (line: string) => void;
  /** What happens, in place of what the seed says. */
  plan?: Plan;
}

export interface Report {
  seed: number;
  violations: string[];
  /** What was met, and how often. */
  met: Map<string, number>;
  /** Of the trace: the same for the same seed. */
  digest: number;
  requests: number;
}

export const epochMs = Date.UTC(2026, 0, 1);

/** A rollout over hosts that stay away waits for one TTL after the other, after the usual end. */
const lateRounds = 12;
const lateRoundMs = 5 * minuteMs;

export class World {
  readonly plan: Plan;
  readonly time = new Time(epochMs);
  readonly random: Random;
  readonly network: Network;
  readonly ledger: Ledger;
  readonly disk: ControlDisk;
  readonly hosts: Host[];
  readonly #met = new Map<string, number>();
  readonly markers = new Map<string, string>();
  /** When an operator was first told that a job is accepted. */
  readonly acceptedAt = new Map<string, number>();
  /** Jobs that were refused for good: none of them may be there. */
  readonly refusedMarkers = new Set<string>();
  readonly #onTrace: ((line: string) => void) | undefined;
  readonly #seed: number;
  control: ControlProcess | undefined;
  readonly controlClock = new ControlClock();
  /** Whether outcomes may have waited for a disk that was full. */
  hasHeld = false;
  isHealed = false;
  #ids = 0;
  readonly #faults: Fault[];
  #controlStartedAt = 0;
  /** That this world's operators can ask for. */
  readonly requestsMost: number;
  #digest = 0x811c9dc5;

  constructor(options: WorldOptions) {
    this.#seed = options.seed;
    this.#onTrace = options.onTrace;
    this.plan = options.plan ?? planOf(options.seed);
    this.random = new Random(options.seed, 2);
    const syncMs = this.random.chance(0.3) ? this.random.int(1, 100) : 0;
    this.disk = new ControlDisk(syncMs, () => this.random.unit());
    this.requestsMost = this.plan.jobs.reduce((sum, { hosts }) => sum + hosts.length, 0);
    this.network = new Network({
      time: this.time,
      random: new Random(options.seed, 3),
      latencyMs: this.plan.latencyMs,
      met: (what) => this.met(what),
    });
    this.ledger = new Ledger((jobId) => this.markers.get(jobId) ?? this.#markerOnDisk(jobId));
    this.disk.onOutcome = (outcome) => {
      const told = `${outcome.outcome} ${outcome.code ?? ""}`.trim();
      this.met(`outcome ${told}`);
      if (outcome.message?.startsWith("The rollout stopped")) this.met("rollout stopped");
      if (outcome.message?.includes("Its batch did not start"))
        this.met("batch did not start in time");
      if (outcome.code === "EXPIRED") judgeExpiry(this, outcome, this.#controlStartedAt);
      judgeTime(this, outcome);
      if (told === "lost TIMEOUT") judgeTimeout(this, outcome);
      this.trace(`${this.ledger.markerOf(outcome.jobId)}/${outcome.agentId} ends as ${told}`);
      this.ledger.ended(outcome, this.time.now, this.hasHeld);
    };
    this.disk.onSent = (row, rows) => {
      const job = this.disk.jobs.get(row.request.jobId);
      if (job !== undefined) judgeSending(this, job, row, rows);
    };
    this.disk.faults.onCrash = () => this.crashControl("commit", 3_000);
    this.disk.onCompressed = () => this.met("segment compressed");
    this.hosts = Array.from(
      { length: this.plan.hosts },
      (_, index) =>
        new Host(this, `host${index}`, `agent${index}`, this.plan.isPlain[index] === true),
    );
    const chosen = options.faults;
    this.#faults = this.plan.faults.filter((_, index) => chosen?.includes(index) ?? true);
  }

  protected get openCount(): number {
    return this.control?.engine.core.dispatcher?.sizes.open ?? 1;
  }

  run(): Report {
    this.#schedule(this.#faults);
    try {
      let end = epochMs + restMs;
      this.time.runUntil(end, () => holdBounds(this));
      for (let left = lateRounds; left > 0 && this.openCount > 0; left--) {
        end += lateRoundMs;
        this.time.runUntil(end, () => holdBounds(this));
      }
      this.settle();
      this.time.runUntil(end + endMs - restMs, () => holdBounds(this));
    } catch (error) {
      this.ledger.violations.push(error instanceof Error ? error.message : String(error));
    }
    return this.report();
  }

  /** What is left at the end, and all that was met. */
  protected report(): Report {
    this.ledger.bounded("open requests at the end", this.openCount, 0);
    const sessions = this.control?.engine.core.registry.sessionCount ?? 0;
    this.ledger.bounded("sessions at the end", sessions, this.hosts.length);
    for (const { agentId, name, sizes } of this.hosts) {
      // One that was revoked has nobody left to take its answers.
      if (this.ledger.isRevoked(agentId)) continue;
      this.ledger.bounded(`requests at ${name} at the end`, sizes?.requests ?? 1, 0);
    }
    return {
      seed: this.#seed,
      violations: this.ledger.violations,
      met: this.#met,
      digest: this.#digest >>> 0,
      requests: this.disk.rows.size,
    };
  }

  met(what: string): void {
    this.#met.set(what, (this.#met.get(what) ?? 0) + 1);
  }

  trace(text: string): void {
    const ms = this.time.now - epochMs;
    let digest = Math.imul(this.#digest ^ ms, 0x01000193);
    for (let index = 0; index < text.length; index++) {
      digest = Math.imul(digest ^ text.charCodeAt(index), 0x01000193);
    }
    this.#digest = digest;
    this.#onTrace?.(`${(ms / 1000).toFixed(3)} ${text}`);
  }

  logOf(name: string): Log {
    return tracingLog(name, this);
  }

  /** A command begins to run. Only with a steady clock and `wsctl.v1` its TTL can be judged. */
  executed(host: Host, marker: string): void {
    const planned = this.plan.jobs.find((each) => each.marker === marker);
    const isJudged = !host.isPlain && !this.controlClock.hasJumped && planned !== undefined;
    const from = isJudged ? this.#turnOf(marker, host.agentId) : undefined;
    const latest =
      from === undefined || planned === undefined
        ? undefined
        : from + planned.ttlSeconds * 1000 + 2 * this.plan.latencyMs + 1_000;
    this.ledger.executed(marker, host.agentId, this.time.now, latest);
  }

  /** From when its TTL counts: its own turn, or when the operator was told that it is accepted. */
  #turnOf(marker: string, agentId: string): number | undefined {
    const acceptedAt = this.acceptedAt.get(marker);
    if (acceptedAt === undefined) return undefined;
    for (const { request } of this.disk.rows.values()) {
      if (request.agentId !== agentId || this.ledger.markerOf(request.jobId) !== marker) continue;
      if (request.batchAt === undefined) return acceptedAt;
      // It may be of the clock before.
      return this.controlClock.wasSet ? undefined : Math.max(acceptedAt, request.batchAt);
    }
    return acceptedAt;
  }

  /** Ids in the order of their making, as the product's are. */
  newId(): string {
    return `id-${String(++this.#ids).padStart(6, "0")}`;
  }

  startControl(): void {
    this.controlClock.processStarts();
    this.#controlStartedAt = this.time.now;
    const clock = new ProcessClock(this.time, () => this.controlClock.aheadMs);
    this.disk.faults.isAlive = () => clock.isAlive;
    const process = new ControlProcess(this, clock, this.disk.journal(clock));
    this.control = process;
    this.trace("control starts");
    for (const { agentId } of this.hosts)
      process.engine.notify({ type: "agentRegistered", agentId });
  }

  crashControl(why: string, awayMs: number): void {
    const process = this.control;
    if (process === undefined || !process.clock.isAlive) return;
    process.clock.isAlive = false;
    this.disk.processDied();
    this.trace(`control dies (${why})`);
    for (const connection of [...this.network.connections]) connection.serverDied();
    this.time.after(awayMs, () => this.startControl());
  }

  /** Whether the operator takes this for an answer, and lets the job be. */
  givesUp(_planned: PlannedJob, _code: string): boolean {
    return false;
  }

  /** Before what an operator decides about a job. */
  beginDecision(_process: ControlProcess): void {}

  /** The process that an operator reaches. */
  controlFor(): ControlProcess | undefined {
    return this.control;
  }

  /** Whether it may still answer what it was asked. */
  isServing(process: ControlProcess): boolean {
    return process.clock.isAlive;
  }

  /** Where a host's attempt to connect ends up, if the control plane is there. */
  serverFor(host: Host) {
    const process = this.control;
    if (process === undefined || !process.clock.isAlive) return undefined;
    if (!host.mayJoin(process)) return undefined;
    return { clock: process.clock, acceptor: process.acceptor(this, host) };
  }

  startLater(host: Host): void {
    this.time.after(this.random.int(100, 20_000), () => {
      if (!host.isRunning) host.start();
    });
  }

  #schedule(faults: Fault[]): void {
    const strikes = new Strikes(this);
    const operators = new Operators(this);
    const at = (ms: number, run: () => void) => this.time.at(epochMs + ms, run);
    at(0, () => this.startControl());
    for (const host of this.hosts) at(this.random.int(0, 5_000), () => host.start());
    for (const planned of this.plan.jobs) at(planned.at, () => operators.ask(planned, 0));
    for (const fault of faults) {
      at(Math.max(0, fault.at), () => {
        this.met(`fault ${fault.kind}`);
        this.trace(`fault ${fault.kind} on host${fault.host} for ${fault.durationMs} ms`);
        strikes.strike(fault);
      });
    }
    at(healedMs, () => strikes.heal());
  }

  protected settle(): void {
    this.ledger.settle((jobId) => {
      if (!this.disk.jobs.has(jobId)) return undefined;
      return [...this.disk.rows.values()]
        .filter(({ request }) => request.jobId === jobId)
        .map(({ request, outcome }) => ({ requestId: request.requestId, outcome }));
    });
  }

  #markerOnDisk(jobId: string): string {
    return (this.disk.jobs.get(jobId)?.parameters?.marker as string | undefined) ?? jobId;
  }
}
