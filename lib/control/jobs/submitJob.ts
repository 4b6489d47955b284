/**
 * How a job comes about, whoever asks for it: an operator over HTTP, or a schedule. The request is
 * checked, resolved to agents, given ids, handed to the engine, and answered once it is on disk.
 */
import type { JobOrder } from "../../protocol/api/jobs.ts";
import type { Target } from "../../protocol/api/target.ts";
import { WsctlError } from "../../protocol/errors.ts";
import { parametersBytesMax } from "../../protocol/limits.ts";
import type { Scope } from "../core/agents/agentScope.ts";
import { refuseTooMany, resolveTarget, seeded } from "../core/agents/resolveTarget.ts";
import type { Job, WantedRequest } from "../core/model.ts";
import { jsonBytes } from "../core/requests/requestTable.ts";
import { turnsOf } from "../core/requests/rolloutOptions.ts";
import type { Engine } from "../engine/engine.ts";
import type { AcceptedJob, Completion } from "../engine/pendingSubmissions.ts";
import { idempotencyOf } from "./idempotency.ts";
import { redacted } from "./redactParameters.ts";
import { wantedRequests } from "./signedRequests.ts";

export interface JobSubmitterOptions {
  engine: Engine;
  /** Commands that a second operator has to approve. */
  twoPerson: ReadonlySet<string>;
  newId(): string;
  /** Milliseconds since 1970, by the clock that counts how long. */
  now(): number;
}

/** Who asks, and what of. */
export interface Requester {
  tokenId: string;
  scope: Scope;
  role?: string;
  /** Client IP address. */
  address?: string;
  /** The job that is tried again. */
  retryOf?: string;
  /** The name of the schedule that it is a run of. */
  schedule?: string;
}

export class JobSubmitter {
  readonly #options: JobSubmitterOptions;

  constructor(options: JobSubmitterOptions) {
    this.#options = options;
  }

  /**
   * Accepts a job; resolves once it is on disk. The same key with the same request by the same
   * operator is the same job.
   * @throws {WsctlError} FORBIDDEN, NO_MATCH, INVALID_PARAMETERS, CONFLICT, TOO_LARGE, BUSY,
   * UNAVAILABLE or STORAGE_UNAVAILABLE
   */
  submit(order: JobOrder, requester: Requester, key?: string): Promise<AcceptedJob> {
    return new Promise((accepted, refused) => {
      this.submitWith(order, requester, key, { accepted, refused });
    });
  }

  /** The same with callbacks, for whoever has no event loop to wait on. */
  submitWith(
    order: JobOrder,
    requester: Requester,
    key: string | undefined,
    completion: Completion,
  ): void {
    const { engine } = this.#options;
    try {
      requester.scope.requireCommand(order.command);
      refuseLarge(order);
      const idempotency = idempotencyOf(order, requester.tokenId, key);
      const earlier = idempotency && this.#earlierJob(idempotency);
      if (earlier !== undefined) return engine.whenAccepted(earlier, completion);
      const jobId = this.#options.newId();
      const { target, agents } = this.#resolve(order, jobId, requester.scope);
      refuseTooMany(agents.length, order.max_agents);
      this.#refuseWrong(order, agents);
      const requests = this.#requestsOf(order, agents);
      const asked = this.#askedBy(requester, order, agents);
      const job = { ...this.#jobOf(order, requester, agents), jobId, target, asked };
      engine.submit(
        idempotency === undefined ? job : { ...job, idempotency },
        requests,
        completion,
      );
    } catch (error) {
      completion.refused(error);
    }
  }

  /** The agents that the target selects at this moment, of those that this operator may command. */
  #resolve(order: JobOrder, jobId: string, scope: Scope): { target: Target; agents: string[] } {
    const { target, seed } = seeded(order.target, jobId);
    const known = scope.within(this.#options.engine.core.fleet.agents);
    const terms = { requireOnline: order.require_online, seed };
    return { target, agents: resolveTarget(target, known, terms).agents };
  }

  #requestsOf(order: JobOrder, agents: readonly string[]): WantedRequest[] {
    const { engine, newId } = this.#options;
    const isKnown = (id: string) =>
      engine.core.dispatcher?.requests.get(id) !== undefined ||
      engine.journal.agentOf(id) !== undefined;
    return wantedRequests(order, agents, newId, isKnown);
  }

  #jobOf(
    order: JobOrder,
    { tokenId: createdBy, retryOf, schedule }: Requester,
    agents: readonly string[],
  ): Omit<Job, "jobId" | "target"> {
    const { twoPerson, now } = this.#options;
    return {
      command: order.command,
      ...(order.parameters ? { parameters: order.parameters } : {}),
      timeoutMs: (order.timeout_seconds ?? this.#timeoutSecondsOf(order, agents)) * 1000,
      ttlMs: order.ttl_seconds * 1000,
      ...(twoPerson.has(order.command) ? { needsApproval: true } : {}),
      ...(order.signed === undefined ? {} : { notAfter: order.signed.not_after }),
      ...turnsOf(order, agents.length),
      ...(order.priority === "normal" ? {} : { priority: order.priority }),
      ...(order.require_online ? { requireOnline: true } : {}),
      ...(retryOf === undefined ? {} : { retryOf }),
      ...(schedule === undefined ? {} : { schedule }),
      createdAt: now(),
      createdBy,
    };
  }

  /** The job that this operator has asked for under this key before. */
  #earlierJob({ key, fingerprint }: NonNullable<Job["idempotency"]>): Job | undefined {
    const { core, journal } = this.#options.engine;
    const job = core.dispatcher?.requests.jobByKey(key) ?? journal.jobByKey(key);
    if (job === undefined || job.idempotency?.fingerprint === fingerprint) return job;
    const text = `Cannot accept the job: its Idempotency-Key belongs to another order (job ${job.jobId})`;
    throw new WsctlError("CONFLICT", text);
  }

  #askedBy(
    { role, address }: Requester,
    { command, parameters }: JobOrder,
    agentIds: readonly string[],
  ): NonNullable<Job["asked"]> {
    const { core, catalogues } = this.#options.engine;
    const digests = new Set(agentIds.map((id) => core.fleet.agent(id).facts.catalogue));
    const schemas = [...digests].map((digest) => catalogues.of(digest)?.get(command)?.parameters);
    return {
      ...(role === undefined ? {} : { role }),
      ...(address === undefined ? {} : { address }),
      ...(parameters === undefined ? {} : { parameters: redacted(parameters, schemas) }),
    };
  }

  #timeoutSecondsOf({ command }: JobOrder, agentIds: readonly string[]): number {
    const { core, catalogues } = this.#options.engine;
    const digests = agentIds.map((agentId) => core.fleet.agent(agentId).facts.catalogue);
    return catalogues.timeoutSeconds(command, new Set(digests));
  }

  /** Before anything is written or sent: parameters that nobody it is for would take. */
  #refuseWrong({ command, parameters = {} }: JobOrder, agentIds: readonly string[]): void {
    const { core, catalogues } = this.#options.engine;
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
