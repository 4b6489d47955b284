/** What is going to happen in a world with a cluster: shorter than others, and with its own faults. */
import { inTurns, type Plan, type PlannedJob, plannedJobOf, probe } from "../plan.ts";
import { Random } from "../random.ts";

export const faultyMs = 110_000;
export const healedMs = 120_000;
const probeMs = 145_000;
/** By then every request must have ended. */
export const restMs = 240_000;

export const clusterFaultKinds = [
  "leader_kill",
  "leader_kill_before_answer",
  "leader_pause",
  "leader_power_cut",
  "leader_stop",
  "leader_cut",
  "node_kill",
  "node_pause",
  "node_cut",
  "node_slow",
  "node_clock_set",
  "nats_gone",
  "nats_restart",
  "consumers_stuck",
  "answers_lost",
  "publications_repeated",
] as const;
export const hostFaultKinds = [
  "agent_crash",
  "cut",
  "half_open",
  "partition",
  "duplicate",
] as const;
export type HostFaultKind = (typeof hostFaultKinds)[number];
export type ClusterFaultKind = (typeof clusterFaultKinds)[number] | HostFaultKind;

export interface ClusterFault {
  at: number;
  kind: ClusterFaultKind;
  host: number;
  durationMs: number;
}

export interface ClusterPlan extends Plan {
  clusterFaults: ClusterFault[];
}

const hosts = 3;
const requestsMost = 24;

export function clusterPlanOf(seed: number): ClusterPlan {
  const random = new Random(seed, 11);
  const turns = new Random(seed, 12);
  const jobs: PlannedJob[] = [{ ...probe(hosts), at: probeMs, ttlSeconds: 60 }];
  for (let requests = 0; requests < requestsMost; ) {
    const job = quick(random, inTurns(turns, plannedJobOf(random, hosts, jobs.length)));
    requests += job.hosts.length;
    jobs.push(job);
  }
  const count = random.int(4, 9);
  return {
    hosts,
    isPlain: Array.from({ length: hosts }, () => random.chance(0.15)),
    heartbeatSeconds: 5,
    latencyMs: random.pick([3, 40, 400]),
    jobs,
    faults: [],
    clusterFaults: Array.from({ length: count }, () => faultOf(random, jobs)),
  };
}

/** A job of a longer world, in less time. */
function quick(random: Random, job: PlannedJob): PlannedJob {
  const { cancelAfterMs, pauseAfterMs, approveAfterMs, command } = job;
  return {
    ...job,
    at: random.int(3_000, faultyMs),
    command: command === "update" ? "work" : command,
    workMs: Math.min(job.workMs, random.int(10, 6_000)),
    timeoutSeconds: Math.min(job.timeoutSeconds, random.int(2, 20)),
    ttlSeconds: Math.min(job.ttlSeconds, random.int(10, 60)),
    isWatched: false,
    ...(cancelAfterMs === undefined ? {} : { cancelAfterMs: random.int(100, 10_000) }),
    ...(approveAfterMs === undefined ? {} : { approveAfterMs: random.int(100, 10_000) }),
    ...(pauseAfterMs === undefined
      ? {}
      : { pauseAfterMs: random.int(0, 8_000), resumeAfterMs: random.int(1_000, 10_000) }),
  };
}

/** Most faults strike while a job is being carried out: there they can do harm. */
function faultOf(random: Random, jobs: readonly PlannedJob[]): ClusterFault {
  const job = random.pick(jobs.slice(1));
  const isAimed = random.chance(0.7);
  return {
    at: isAimed ? job.at + random.int(-200, 4_000) : random.int(3_000, faultyMs),
    kind: random.chance(0.8) ? random.pick(clusterFaultKinds) : random.pick(hostFaultKinds),
    host: random.int(0, hosts - 1),
    durationMs: random.chance(0.5) ? random.int(100, 3_000) : random.int(3_000, 30_000),
  };
}
