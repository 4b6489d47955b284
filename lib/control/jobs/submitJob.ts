/**
 * Orders of operators: judged, given ids, handed to the core, and answered once they are on disk.
 */
import type { Log } from "../../log/log.ts";
import type { JobOrder } from "../../protocol/api/jobs.ts";
import { WsctlError } from "../../protocol/errors.ts";
import { parametersBytesMax } from "../../protocol/limits.ts";
import type { Catalogues } from "../capabilities/capabilityCache.ts";
import type { Scope } from "../core/agents/agentScope.ts";
import { refuseTooMany, resolveTarget, seeded } from "../core/agents/resolveTarget.ts";
import type { ControlCore } from "../core/core.ts";
import type { ControlEvent, Job } from "../core/model.ts";
import { jsonBytes } from "../core/requests/requestTable.ts";
import { turnsOf } from "../core/requests/rolloutOptions.ts";
import type { ControlJournal } from "../journal/journal.ts";
import { idempotencyOf } from "./idempotency.ts";
import { type Accepted, type Settle, Submissions } from "./pendingSubmissions.ts";
import { redacted } from "./redactParameters.ts";
import { wantedRequests } from "./signedRequests.ts";

export interface OrdersOptions {
  core: ControlCore;
  journal: ControlJournal;
  catalogues: Catalogues;
  log: Log;
  /** Commands that a second operator has to approve. */
  twoPerson: ReadonlySet<string>;
  newId(): string;
  now(): number;
  submit(event: ControlEvent & { type: "submit" }): void;
}

/** Who asks, and what of. */
export interface Orderer {
  tokenId: string;
  scope: Scope;
  role?: string;
  /** From where. */
  address?: string;
  /** The job that is tried again. */
  retryOf?: string;
  /** The name of the schedule that it is a run of. */
  schedule?: string;
}

export class Orders {
  readonly #options: OrdersOptions;
  readonly #submissions = new Submissions();

  constructor(options: OrdersOptions) {
    this.#options = options;
  }

  /** `order` as a promise: resolved once the job is on disk. */
  submit(order: JobOrder, orderer: Orderer, key?: string): Promise<Accepted> {
    return new Promise((accepted, refused) => {
      this.order(order, orderer, key, { accepted, refused });
    });
  }

  /**
   * Accepts a job, or refuses it with `FORBIDDEN`, `NO_MATCH`, `INVALID_PARAMETERS`, `CONFLICT`, `BUSY`,
   * `UNAVAILABLE` or `STORAGE_UNAVAILABLE`. The same key with the same order by the same operator
   * is the same job.
   */
  order(order: JobOrder, orderer: Orderer, key: string | undefined, settle: Settle): void {
    const { core, journal, newId, now, twoPerson } = this.#options;
    const { tokenId: createdBy, scope, retryOf, schedule } = orderer;
    try {
      scope.requireCommand(order.command);
      refuseLarge(order);
      const idempotency = idempotencyOf(order, createdBy, key);
      if (idempotency !== undefined && this.#isRepeat(idempotency, settle)) return;
      const jobId = newId();
      const { target, seed } = seeded(order.target, jobId);
      const requireOnline = order.require_online;
      const known = scope.within(core.fleet.agents);
      const { agents } = resolveTarget(target, known, { requireOnline, seed });
      refuseTooMany(agents.length, order.max_agents);
      this.#refuseWrong(order, agents);
      const isKnown = (id: string) =>
        core.dispatcher?.requests.get(id) !== undefined || journal.agentOf(id) !== undefined;
      const requests = wantedRequests(order, agents, newId, isKnown);
      const job: Job = {
        jobId,
        command: order.command,
        ...(order.parameters ? { parameters: order.parameters } : {}),
        target,
        timeoutMs: (order.timeout_seconds ?? this.#timeoutSecondsOf(order, agents)) * 1000,
        ttlMs: order.ttl_seconds * 1000,
        ...(twoPerson.has(order.command) ? { needsApproval: true } : {}),
        ...(order.signed === undefined ? {} : { notAfter: order.signed.not_after }),
        ...turnsOf(order, agents.length),
        ...(order.priority === "normal" ? {} : { priority: order.priority }),
        ...(requireOnline ? { requireOnline } : {}),
        ...(retryOf === undefined ? {} : { retryOf }),
        ...(schedule === undefined ? {} : { schedule }),
        createdAt: now(),
        createdBy,
        asked: this.#askedBy(orderer, order, agents),
        ...(idempotency ? { idempotency } : {}),
      };
      this.#submissions.add(job.jobId, settle);
      this.#options.submit({ type: "submit", job, requests });
    } catch (error) {
      settle.refused(error);
    }
  }

  /** The job is on disk. */
  accepted(accepted: Accepted): void {
    const { jobId, command, total, createdBy: by } = accepted.job;
    this.#options.log.debug("accepted a job", { job_id: jobId, command, total, by });
    this.#submissions.accept(accepted);
  }

  refused(jobId: string, error: unknown): void {
    this.#submissions.refuse(jobId, error);
  }

  /** Whether this operator has asked for a job under this key before; then that one answers. */
  #isRepeat(idempotency: NonNullable<Job["idempotency"]>, settle: Settle): boolean {
    const { core, journal } = this.#options;
    const { key, fingerprint } = idempotency;
    const job = core.dispatcher?.requests.jobByKey(key) ?? journal.jobByKey(key);
    if (job === undefined) return false;
    if (job.idempotency?.fingerprint !== fingerprint) {
      const text = `Cannot accept the job: its Idempotency-Key belongs to another order (job ${job.jobId})`;
      throw new WsctlError("CONFLICT", text);
    }
    this.#submissions.add(job.jobId, settle);
    // Either it still waits for its commit, or it is on record and settles at once.
    const stored = journal.job(job.jobId);
    if (stored !== undefined) {
      this.#submissions.accept({ job: stored, requests: journal.requests(job.jobId) });
    }
    return true;
  }

  #askedBy(
    { role, address }: Orderer,
    { command, parameters }: JobOrder,
    agentIds: readonly string[],
  ): NonNullable<Job["asked"]> {
    const { core, catalogues } = this.#options;
    const digests = new Set(agentIds.map((id) => core.fleet.agent(id).facts.catalogue));
    const schemas = [...digests].map((digest) => catalogues.of(digest)?.get(command)?.parameters);
    return {
      ...(role === undefined ? {} : { role }),
      ...(address === undefined ? {} : { address }),
      ...(parameters === undefined ? {} : { parameters: redacted(parameters, schemas) }),
    };
  }

  #timeoutSecondsOf({ command }: JobOrder, agentIds: readonly string[]): number {
    const { core, catalogues } = this.#options;
    const digests = agentIds.map((agentId) => core.fleet.agent(agentId).facts.catalogue);
    return catalogues.timeoutSeconds(command, new Set(digests));
  }

  /** Before anything is written or sent: parameters that nobody it is for would take. */
  #refuseWrong({ command, parameters = {} }: JobOrder, agentIds: readonly string[]): void {
    const { core, catalogues } = this.#options;
    const agents = agentIds.map((agentId) => {
      return { agentId, digest: core.fleet.agent(agentId).facts.catalogue };
    });
    const refusal = catalogues.refusal(command, parameters, agents);
    if (refusal === undefined) return;
    throw new WsctlError("INVALID_PARAMETERS", `Cannot accept the job: ${refusal}`);
  }
}

/** What could not be sent in one message is refused before it is on record. */
export function refuseLarge({ parameters }: Pick<JobOrder, "parameters">): void {
  if (jsonBytes(parameters) <= parametersBytesMax) return;
  throw new WsctlError("TOO_LARGE", `parameters are over ${parametersBytesMax} bytes as JSON`);
}
