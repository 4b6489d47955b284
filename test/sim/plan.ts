/**
 * What is going to happen in a world: its hosts, its operators' jobs and its faults, all from the
 * seed.
 */
import type { Priority } from "../../lib/protocol/api/jobs.ts";
import { Random } from "./random.ts";
import { type VersionKind, versionKinds } from "./trials.ts";

export const minuteMs = 60_000;
/**
 * Faults and jobs come in the first part of a world; in the rest everything must come to rest.
 */
export const faultyMs = 19 * minuteMs;
export const healedMs = 20 * minuteMs;
/** By then every request must have ended: the latest job, its TTL, its timeout and the graces. */
export const restMs = 31 * minuteMs;
export const endMs = 34 * minuteMs;

export const faultKinds = [
  "control_crash",
  "control_crash_before_commit",
  "control_crash_after_commit",
  "control_power_cut",
  "control_drain",
  "control_pause",
  "control_disk_full",
  "control_clock_jump",
  "agent_crash",
  "agent_crash_before_commit",
  "agent_crash_after_commit",
  "agent_power_cut",
  "agent_pause",
  "agent_disk_full",
  "agent_clock_jump",
  "agent_reinstall",
  "cut",
  "half_open",
  "partition",
  "stall",
  "duplicate",
  "clone",
  "clone_running",
  "impostor",
  "revoke",
] as const;
export const storageFaultKinds = [
  "control_power_cut_between",
  "control_power_cut_now",
  "control_io_error",
  "control_slow_disk",
  "control_damage",
  "agent_power_cut_between",
  "agent_power_cut_now",
  "agent_io_error",
  "agent_slow_disk",
  "agent_damage",
] as const;
export const clockFaultKinds = ["control_clock_set", "agent_clock_set"] as const;
export type StorageFaultKind = (typeof storageFaultKinds)[number];
export type FaultKind =
  | (typeof faultKinds)[number]
  | (typeof clockFaultKinds)[number]
  | StorageFaultKind;

export interface Fault {
  at: number;
  kind: FaultKind;
  /** The host that it strikes, as an index. */
  host: number;
  durationMs: number;
}

export interface PlannedJob {
  at: number;
  marker: string;
  /** `guarded` waits for a second operator. */
  command: "work" | "program" | "restart" | "update" | "nope" | "guarded";
  /** Indexes of hosts. */
  hosts: number[];
  workMs: number;
  ends: "success" | "failed";
  /** The command does not stop when it is told to. */
  isStubborn: boolean;
  timeoutSeconds: number;
  ttlSeconds: number;
  /** The operator withdraws it so long after asking; never where it is not given. */
  cancelAfterMs?: number;
  /** Of a rollout: so many at a time, and as many failures before it stops. */
  batch?: number;
  maxFailures?: number;
  waves?: boolean;
  pauseBetweenSeconds?: number;
  canary?: number;
  canaryWaitSeconds?: number;
  priority?: Priority;
  isOnlineRequired?: boolean;
  /** The operator holds it back so long after asking, and lets it go on so much later. */
  pauseAfterMs?: number;
  resumeAfterMs?: number;
  /** The second operator approves so long after it was asked for; never where it is not given. */
  approveAfterMs?: number;
  /** What an update brings. */
  version: VersionKind;
  /** The operator follows its output. */
  isWatched: boolean;
  /** The operator does not get to know that it was accepted, and asks again. */
  answersLost: number;
}

export interface Plan {
  hosts: number;
  /** Whether a host's agent speaks the standard alone. */
  isPlain: boolean[];
  heartbeatSeconds: number;
  latencyMs: number;
  jobs: PlannedJob[];
  faults: Fault[];
}

export function planOf(seed: number): Plan {
  const random = new Random(seed, 1);
  const turns = new Random(seed, 4);
  const disks = new Random(seed, 5);
  const clocks = new Random(seed, 6);
  const hosts = random.int(5, 7);
  const jobs: PlannedJob[] = [probe(hosts)];
  for (let requests = 0; requests < 50; ) {
    const job = inTurns(turns, plannedJobOf(random, hosts, jobs.length));
    requests += job.hosts.length;
    jobs.push(job);
  }
  return {
    hosts,
    isPlain: Array.from({ length: hosts }, () => random.chance(0.15)),
    heartbeatSeconds: random.pick([30, 60]),
    latencyMs: random.pick([3, 40, 400, 3_000]),
    jobs,
    faults: [
      ...Array.from({ length: random.int(10, 16) }, () => faultOf(random, hosts, jobs, faultKinds)),
      ...Array.from({ length: disks.int(2, 5) }, () => {
        return faultOf(disks, hosts, jobs, storageFaultKinds);
      }),
      ...Array.from({ length: clocks.int(0, 2) }, () => {
        return faultOf(clocks, hosts, jobs, clockFaultKinds);
      }),
    ],
  };
}

/** Once everything is whole again, a command to everyone must succeed everywhere. */
export function probe(hosts: number): PlannedJob {
  return {
    at: healedMs + 3 * minuteMs,
    marker: "probe",
    command: "work",
    hosts: Array.from({ length: hosts }, (_, index) => index),
    workMs: 10,
    ends: "success",
    isStubborn: false,
    timeoutSeconds: 30,
    ttlSeconds: 120,
    version: "good",
    isWatched: false,
    answersLost: 0,
  };
}

export function plannedJobOf(random: Random, hosts: number, index: number): PlannedJob {
  const count = random.chance(0.4) ? hosts : random.int(1, 3);
  const first = random.int(0, hosts - 1);
  return {
    at: random.int(1_000, faultyMs),
    marker: `job${index}`,
    command: random.pick([
      ...(["work", "work", "program", "program"] as const),
      ...(["program", "restart", "nope", "update"] as const),
    ]),
    hosts: Array.from({ length: count }, (_, offset) => (first + offset) % hosts),
    workMs: random.chance(0.5) ? random.int(0, 50) : random.int(100, 40_000),
    ends: random.chance(0.8) ? "success" : "failed",
    isStubborn: random.chance(0.1),
    timeoutSeconds: random.int(2, 60),
    ttlSeconds: random.chance(0.3) ? random.int(1, 20) : random.int(30, 300),
    version: random.pick(versionKinds),
    isWatched: random.chance(0.4),
    answersLost: random.chance(0.2) ? random.int(1, 3) : 0,
    ...(random.chance(0.3) ? { batch: random.int(1, 3) } : {}),
    ...(random.chance(0.3) ? { maxFailures: random.int(0, 2) } : {}),
    ...(random.chance(0.15) ? { cancelAfterMs: random.int(1_000, 60_000) } : {}),
  };
}

/** How it goes out, and what operators still decide about it. */
export function inTurns(random: Random, job: PlannedJob): PlannedJob {
  const { batch, command } = job;
  const inWaves = batch !== undefined && random.chance(0.5);
  const isPaused = random.chance(0.15);
  const isGuarded = command === "work" && random.chance(0.2);
  return {
    ...job,
    ...(inWaves ? { waves: true, pauseBetweenSeconds: random.int(0, 20) } : {}),
    ...(random.chance(0.2)
      ? { canary: random.int(1, 2), canaryWaitSeconds: random.int(0, 30) }
      : {}),
    ...(random.chance(0.3) ? { priority: random.pick(["high", "low"] as const) } : {}),
    ...(random.chance(0.1) ? { isOnlineRequired: true } : {}),
    ...(isPaused
      ? { pauseAfterMs: random.int(0, 30_000), resumeAfterMs: random.int(1_000, 60_000) }
      : {}),
    ...(isGuarded ? { command: "guarded" } : {}),
    ...(isGuarded && random.chance(0.7) ? { approveAfterMs: random.int(100, 90_000) } : {}),
  };
}

/** Half of the faults strike while a job is being carried out: there they can do harm. */
function faultOf(
  random: Random,
  hosts: number,
  jobs: readonly PlannedJob[],
  kinds: readonly FaultKind[],
): Fault {
  const job = random.pick(jobs.slice(1));
  const isAimed = random.chance(0.6);
  const kind = random.pick(kinds);
  return {
    at: isAimed ? job.at + random.int(-200, 5_000) : random.int(0, faultyMs),
    // Most worlds keep their tokens: an agent that is revoked has no more to tell.
    kind: kind === "revoke" && random.chance(0.7) ? "agent_crash" : kind,
    host: isAimed ? random.pick(job.hosts) : random.int(0, hosts - 1),
    durationMs: random.chance(0.5) ? random.int(100, 5_000) : random.int(5_000, 180_000),
  };
}
