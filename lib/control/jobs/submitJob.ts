/**
 * Creates jobs for operators and schedules. The request is validated, its target is resolved, ids
 * are assigned, and the engine stores the job before the caller gets a response.
 */
import type { JobRequest } from "../../protocol/api/jobs.ts";
import type { ScheduleSpec } from "../../protocol/api/schedules.ts";
import type { Target } from "../../protocol/api/target.ts";
import { WsctlError } from "../../protocol/errors.ts";
import { parametersBytesMax } from "../../protocol/limits.ts";
import { nearest } from "../../protocol/nearest.ts";
import type { AgentScope } from "../core/agents/agentScope.ts";
import {
  assertWithinMax,
  type ResolvedTarget,
  resolveTarget,
  shuffleBySeed,
  type TargetTerms,
} from "../core/agents/resolveTarget.ts";
import type { Job } from "../core/model.ts";
import { jsonBytes } from "../core/requests/requestTable.ts";
import { parseRollout } from "../core/requests/rolloutOptions.ts";
import type { Engine } from "../engine/engine.ts";
import type { AcceptedJob, Completion } from "../engine/pendingSubmissions.ts";
import type { StoredToken } from "../journal/tables/tokenTable.ts";
import { buildIdempotency } from "./idempotency.ts";
import { redactParameters } from "./redactParameters.ts";
import { assertSignatures } from "./requiredSignatures.ts";
import { findSavedTarget } from "./savedTarget.ts";
import { buildRequests, type SignedRunRequest, signedFacts } from "./signedRequests.ts";

/** Commands that a host allows by its flags: its agent says which flag is missing. */
const refusedByAgents: ReadonlySet<string> = new Set([
  ...["exec", "run_script", "push_files", "pull_files", "fetch_logs", "update"],
]);

export interface JobSubmitterOptions {
  engine: Engine;
  /** Returns those of some offline agents that may not connect, with the reason. */
  blocked: TargetTerms["blocked"];
  /** Commands that need the approval of a second operator. */
  approvalCommands: ReadonlySet<string>;
  /** Commands that need a reason; `*` is all of them. */
  reasonCommands: ReadonlySet<string>;
  /** Returns the position of a job in a trace; undefined without one. */
  trace?(jobId: string, traceparent: string | undefined): string | undefined;
  /** Takes each job when it is on disk. */
  onAccepted?(job: Job): void;
  newId(): string;
  /** Milliseconds since 1970 on the monotonic clock that measures durations. */
  now(): number;
}

/** The operator or schedule that creates the job. */
export interface Requester {
  tokenId: string;
  /** The name of the token. */
  name?: string | undefined;
  scope: AgentScope;
  role?: string;
  /** Client IP address. */
  address?: string;
  /** The job that this one retries; agents that get no request are skipped then. */
  retryOf?: string;
  /** The position in a trace (W3C Trace Context). */
  traceparent?: string | undefined;
  /** The name of the schedule that created the job, and of the template that it was made from. */
  schedule?: string;
  template?: string;
  /** If the schedule is signed: the run that the job is. */
  signedRun?: SignedRunRequest | undefined;
}

/** Describes the operator who has this token. */
export function describeOperator(
  { token, scope, address }: { token: StoredToken; scope: AgentScope; address: string },
  traceparent: string | undefined,
): Requester {
  const { tokenId, name, role } = token;
  return { tokenId, name, role, scope, address, traceparent };
}

export class JobSubmitter {
  readonly #options: JobSubmitterOptions;

  constructor(options: JobSubmitterOptions) {
    this.#options = options;
  }

  /**
   * Accepts a job. Resolves once it is on disk. A repeated request with the same key from the same
   * operator returns the same job.
   *
   * @throws {WsctlError} FORBIDDEN, NO_MATCH, OFFLINE, INVALID_COMMAND, INVALID_PARAMETERS,
   *   CONFLICT, TOO_LARGE, BUSY, UNAVAILABLE or STORAGE_UNAVAILABLE
   */
  submit(jobRequest: JobRequest, requester: Requester, key?: string): Promise<AcceptedJob> {
    return new Promise((accepted, refused) => {
      this.submitWith(jobRequest, requester, key, { accepted, refused });
    });
  }

  /** Like `submit`, with callbacks instead of a promise, for the simulator. */
  submitWith(
    jobRequest: JobRequest,
    requester: Requester,
    key: string | undefined,
    completion: Completion,
  ): void {
    const { engine } = this.#options;
    try {
      requester.scope.requireCommand(jobRequest.command);
      assertSize(jobRequest);
      this.#assertReason(jobRequest);
      const idempotency = buildIdempotency(jobRequest, requester.tokenId, key);
      const earlier = idempotency && this.#findEarlierJob(idempotency);
      if (earlier !== undefined) return engine.whenAccepted(earlier, completion);
      const jobId = this.#options.newId();
      const { target, agents, skipped } = this.#resolveTarget(jobRequest, jobId, requester);
      assertWithinMax(agents.length, jobRequest.max_agents);
      // An agent that is online answers at once, and knows what is newer than its announcement.
      if (!this.#areOnline(agents)) this.#assertCommand(jobRequest, agents);
      this.#assertParameters(jobRequest, agents);
      const requests = this.#buildRequests(jobRequest, agents, requester.signedRun);
      const requestedBy = this.#describeRequester(requester, jobRequest, agents);
      const built = this.#buildJob(jobRequest, requester, agents);
      const traceparent = this.#options.trace?.(jobId, requester.traceparent);
      const traced = traceparent === undefined ? {} : { traceparent };
      const job = { ...built, ...traced, jobId, target, requestedBy };
      engine.submit(idempotency === undefined ? job : { ...job, idempotency }, requests, {
        refused: (error) => completion.refused(error),
        accepted: (accepted) => {
          this.#options.onAccepted?.(accepted.job);
          completion.accepted(skipped.length === 0 ? accepted : { ...accepted, skipped });
        },
      });
    } catch (error) {
      completion.refused(error);
    }
  }

  /** Resolves the target to the agents that this operator may command. */
  #resolveTarget(
    jobRequest: JobRequest,
    jobId: string,
    { scope, retryOf }: Pick<Requester, "scope" | "retryOf">,
  ): ResolvedTarget & { target: Target } {
    const { target, seed } = shuffleBySeed(jobRequest.target, jobId);
    const { agents } = this.#options.engine.core.registry;
    const known = scope.within(agents);
    const { blocked } = this.#options;
    const skipsNamed = retryOf !== undefined;
    const saved = (each: string) => findSavedTarget(this.#options.engine.journal.definitions, each);
    const hasAgents = agents.size > 0;
    const requireOnline = jobRequest.require_online;
    const terms = { requireOnline, seed, blocked, saved, skipsNamed, hasAgents };
    return { target, ...resolveTarget(target, known, terms) };
  }

  #buildRequests(
    jobRequest: JobRequest,
    agents: readonly string[],
    run: SignedRunRequest | undefined,
  ) {
    const { engine, newId } = this.#options;
    const isKnown = (id: string) =>
      engine.core.dispatcher?.requests.get(id) !== undefined ||
      engine.journal.findAgent(id) !== undefined;
    return buildRequests(jobRequest, agents, newId, isKnown, run);
  }

  #buildJob(
    jobRequest: JobRequest,
    { tokenId: createdBy, name, retryOf, schedule, template, signedRun }: Requester,
    agents: readonly string[],
  ): Omit<Job, "jobId" | "target"> {
    const { approvalCommands, now } = this.#options;
    return {
      command: jobRequest.command,
      ...(jobRequest.parameters ? { parameters: jobRequest.parameters } : {}),
      timeoutMs:
        (jobRequest.timeout_seconds ?? this.#findTimeoutSeconds(jobRequest, agents)) * 1000,
      ttlMs: jobRequest.ttl_seconds * 1000,
      ...(approvalCommands.has(jobRequest.command) ? { needsApproval: true } : {}),
      ...signedFacts(jobRequest, signedRun),
      ...parseRollout(jobRequest, agents.length),
      ...(jobRequest.priority === "normal" ? {} : { priority: jobRequest.priority }),
      ...(jobRequest.require_online ? { requireOnline: true } : {}),
      ...(retryOf === undefined ? {} : { retryOf }),
      ...(schedule === undefined ? {} : { schedule }),
      ...(template === undefined ? {} : { template }),
      createdAt: now(),
      createdBy,
      ...(name === undefined ? {} : { createdByName: name }),
      ...(jobRequest.reason === undefined ? {} : { reason: jobRequest.reason }),
    };
  }

  /** @throws {WsctlError} MALFORMED if the command needs a reason and has none */
  #assertReason({ command, reason }: JobRequest): void {
    const { reasonCommands } = this.#options;
    if (reason !== undefined) return;
    if (!reasonCommands.has(command) && !reasonCommands.has("*")) return;
    const text = `Cannot create the job: this control plane requires a reason for "${command}"`;
    throw new WsctlError("MALFORMED", `${text}. Add --reason TEXT`);
  }

  /** Finds the job that this operator created with the same key. */
  #findEarlierJob({ key, fingerprint }: NonNullable<Job["idempotency"]>): Job | undefined {
    const { core, journal } = this.#options.engine;
    const job = core.dispatcher?.requests.jobByKey(key) ?? journal.jobByKey(key);
    if (job === undefined || job.idempotency?.fingerprint === fingerprint) return job;
    const text = `Cannot accept the job: its Idempotency-Key was used for another request (job ${job.jobId})`;
    throw new WsctlError("CONFLICT", text);
  }

  #describeRequester(
    { role, address }: Requester,
    { command, parameters }: JobRequest,
    agentIds: readonly string[],
  ): NonNullable<Job["requestedBy"]> {
    const { capabilities } = this.#options.engine;
    const known = [...this.#digests(agentIds)].map((digest) => capabilities.get(digest));
    const schemas = known.map((commands) => commands?.get(command)?.parameters);
    return {
      ...(role === undefined ? {} : { role }),
      ...(address === undefined ? {} : { address }),
      ...(parameters === undefined ? {} : { parameters: redactParameters(parameters, schemas) }),
    };
  }

  #findTimeoutSeconds({ command }: JobRequest, agentIds: readonly string[]): number {
    return this.#options.engine.capabilities.timeoutSeconds(command, this.#digests(agentIds));
  }

  /** Returns the digests of what the agents announced. */
  #digests(agentIds: readonly string[]): Set<string | undefined> {
    const { registry } = this.#options.engine.core;
    return new Set(agentIds.map((id) => registry.agent(id).record.capabilities));
  }

  /**
   * Checks the job of a schedule, whose target may select no agent so far.
   *
   * @throws {WsctlError} INVALID_COMMAND, or CONFLICT if an agent needs signatures that it lacks
   */
  assertSchedulable({ job: jobRequest, signed }: ScheduleSpec, scope: AgentScope): void {
    this.#assertReason(jobRequest);
    let agents: readonly string[];
    try {
      ({ agents } = this.#resolveTarget(jobRequest, "", { scope }));
    } catch (error) {
      if (error instanceof WsctlError) return;
      throw error;
    }
    this.#assertCommand(jobRequest, agents);
    const { core, capabilities } = this.#options.engine;
    const find = (id: string) => capabilities.get(core.registry.agent(id).record.capabilities);
    assertSignatures(jobRequest, agents, signed, find);
  }

  #areOnline(agentIds: readonly string[]): boolean {
    const { registry } = this.#options.engine.core;
    return agentIds.every((id) => registry.agent(id).session !== undefined);
  }

  /** Rejects a command that no selected agent has, if all of them have announced theirs. */
  #assertCommand({ command, force }: JobRequest, agentIds: readonly string[]): void {
    if (force || refusedByAgents.has(command)) return;
    const { capabilities } = this.#options.engine;
    const known = [...this.#digests(agentIds)].map((digest) => capabilities.get(digest));
    if (known.some((commands) => commands === undefined || commands.has(command))) return;
    const names = [...new Set(known.flatMap((commands) => [...(commands?.keys() ?? [])]))];
    const close = nearest(command, names);
    const hint = close === undefined ? "" : ` Did you mean "${close}"?`;
    const text = `Cannot accept the job: no selected agent has the command "${command}".${hint}`;
    const advice = "If it is new on the host, try again in a few seconds, or add --force";
    throw new WsctlError("INVALID_COMMAND", `${text} ${advice}`);
  }

  /** Rejects parameters that every selected agent would reject, before anything is written. */
  #assertParameters({ command, parameters = {} }: JobRequest, agentIds: readonly string[]): void {
    const { core, capabilities } = this.#options.engine;
    const agents = agentIds.map((agentId) => {
      return { agentId, digest: core.registry.agent(agentId).record.capabilities };
    });
    const refusal = capabilities.check(command, parameters, agents);
    if (refusal === undefined) return;
    throw new WsctlError("INVALID_PARAMETERS", `Cannot accept the job: ${refusal}`);
  }
}

/**
 * Rejects parameters that do not fit in one message.
 *
 * @throws {WsctlError} TOO_LARGE
 */
export function assertSize({ parameters }: Pick<JobRequest, "parameters">): void {
  if (jsonBytes(parameters) <= parametersBytesMax) return;
  throw new WsctlError("TOO_LARGE", `Parameters are over ${parametersBytesMax} bytes as JSON`);
}
