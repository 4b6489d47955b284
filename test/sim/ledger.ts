/**
 * What really happened in a world, kept apart from every process in it, and the invariants that it
 * is held against: after every outcome, and at the end.
 */
import type { StoredOutcome } from "../../lib/control/core/model.ts";

/** A job that an operator was told is accepted. */
export interface Acknowledged {
  jobId: string;
  marker: string;
}

/** Codes of outcomes that vouch for the command not having run. */
const neverRan = ["INVALID_COMMAND", "BUSY", "STORAGE_UNAVAILABLE", "EXPIRED", "OFFLINE"];

/** From the probe to its end, however it ends. */
const probeMs = 60_000;

/** What was decided takes effect this much later at most, when a slow disk has it. */
const slowCommitMs = 500;

export class Ledger {
  readonly violations: string[] = [];
  readonly acknowledged: Acknowledged[] = [];
  /** How often a command began to run, by marker and agent: a request, as the world sees it. */
  readonly executions = new Map<string, number>();
  /** Requests whose outcome vouches for no execution, now and later. */
  readonly #vouchedFor = new Map<string, string>();
  readonly #outcomes = new Map<string, string>();
  readonly #startedAt = new Map<string, number>();
  readonly #revokedAt = new Map<string, number>();
  readonly #restarted = new Set<string>();
  readonly #installed = new Set<string>();
  /** The marker of each job, told when it is submitted under a key. */
  readonly markerOf: (jobId: string) => string;

  constructor(markerOf: (jobId: string) => string) {
    this.markerOf = markerOf;
  }

  /** `latest`: the moment by which its TTL is over beyond doubt; undefined where it has none. */
  executed(marker: string, agentId: string, now: number, latest: number | undefined): void {
    const request = `${marker}/${agentId}`;
    if (latest !== undefined && now > latest + slowCommitMs)
      this.#violate(`${request} was run after its TTL`);
    const count = (this.executions.get(request) ?? 0) + 1;
    this.executions.set(request, count);
    if (count > 1) this.#violate(`${request} was run ${count} times`);
    const vouched = this.#vouchedFor.get(request);
    if (vouched !== undefined) this.#violate(`${request} was run after it ended as ${vouched}`);
  }

  /** A process was replaced, for these commands of its agent. */
  restarted(markers: string[], agentId: string): void {
    for (const marker of markers) this.#restarted.add(`${marker}/${agentId}`);
  }

  /** A version took the place of another one for good. */
  installed(agentId: string, version: string): void {
    this.#installed.add(`${agentId} ${version}`);
  }

  /** A process of the agent starts. */
  started(agentId: string, now: number): void {
    this.#startedAt.set(agentId, now);
  }

  /** A late rollout of an update or a restart may replace the process to which the probe was sent. */
  #wasReplaced(agentId: string, told: string, now: number): boolean {
    const startedAt = this.#startedAt.get(agentId) ?? Number.NEGATIVE_INFINITY;
    return told.startsWith("lost") && now - startedAt < probeMs;
  }

  revoked(agentId: string, now: number): void {
    this.#revokedAt.set(agentId, now);
  }

  isRevoked(agentId: string): boolean {
    return this.#revokedAt.has(agentId);
  }

  /** An outcome was written. `mayBeHeld`: it may have been known since before it could be. */
  ended(outcome: StoredOutcome, now: number, mayBeHeld: boolean): void {
    const { requestId, agentId, code = "", message = "" } = outcome;
    const request = `${this.markerOf(outcome.jobId)}/${agentId}`;
    const told = `${outcome.outcome} ${code}`.trim();
    const earlier = this.#outcomes.get(requestId);
    if (earlier !== undefined) this.#violate(`${request} ended as ${earlier}, then as ${told}`);
    this.#outcomes.set(requestId, told);
    const runs = this.executions.get(request) ?? 0;
    const isAnswer = outcome.outcome === "success" || outcome.outcome === "failed";
    if (isAnswer && runs !== 1) this.#violate(`${request} is ${told} with ${runs} executions`);
    const isReplaced = /^(restart|updated|rolled back)/.test(message);
    if (isAnswer && !isReplaced && !message.startsWith(`${request}:`)) {
      this.#violate(`${request} has the answer of another: ${message}`);
    }
    this.#judgeUpdate(request, agentId, message);
    if (code === "STOPPED" && runs !== 1) this.#violate(`${request} is ${told} with ${runs} runs`);
    if (told === "expired EXPIRED" || told === "cancelled CANCELLED" || neverRan.includes(code)) {
      if (runs > 0) this.#violate(`${request} is ${told}, but it has run`);
      this.#vouchedFor.set(request, told);
    }
    if (isAnswer && message.startsWith("restarted") && !this.#restarted.has(request)) {
      this.#violate(`${request} is answered as restarted, and nothing was restarted for it`);
    }
    const isProbeLost = request.startsWith("probe/") && told !== "success";
    if (isProbeLost && !this.isRevoked(agentId) && !this.#wasReplaced(agentId, told, now)) {
      this.#violate(`${request} is ${told}, though all faults have ceased`);
    }
    const revokedAt = this.#revokedAt.get(agentId);
    if (isAnswer && revokedAt !== undefined && now > revokedAt + slowCommitMs && !mayBeHeld) {
      this.#violate(`${request} was answered by an agent that is revoked`);
    }
  }

  /** Whether what is said of an update is what is installed. */
  #judgeUpdate(request: string, agentId: string, message: string): void {
    const [, went = "", to = ""] =
      /^(updated from .* to|rolled back to .* after .*?:) (.*? of \w+)/.exec(message) ?? [];
    if (to === "") return;
    const isInstalled = this.#installed.has(`${agentId} ${to}`);
    const isRight = went.startsWith("updated") === isInstalled;
    if (!isRight) this.#violate(`${request} says "${message}", installed: ${isInstalled}`);
  }

  /** A subscriber was given a piece of output. */
  output(requestId: string, isRight: boolean, what: string): void {
    if (!isRight) this.#violate(`output of ${requestId}: ${what}`);
  }

  /** When all faults have long ceased. */
  settle(
    outcomeOf: (jobId: string) => { requestId: string; outcome?: unknown }[] | undefined,
  ): void {
    for (const { jobId, marker } of this.acknowledged) {
      const requests = outcomeOf(jobId);
      if (requests === undefined) {
        this.#violate(`${marker} was acknowledged and is lost`);
        continue;
      }
      for (const { requestId, outcome } of requests) {
        if (outcome === undefined) this.#violate(`${marker}: request ${requestId} never ended`);
      }
    }
  }

  /** Something that must hold. */
  holds(isSo: boolean, otherwise: () => string): void {
    if (!isSo) this.#violate(otherwise());
  }

  bounded(what: string, value: number, most: number): void {
    if (value > most) this.#violate(`${what} is ${value}, more than ${most}`);
  }

  #violate(text: string): void {
    this.violations.push(text);
  }
}
