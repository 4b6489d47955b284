/**
 * The engine carries the core's decisions out: it holds sockets, the one timer, the journal and who
 * waits for an answer, and feeds what happens back as events. It decides nothing itself.
 */
import type { Clock } from "../clock.ts";
import { failpoint } from "../failpoint.ts";
import type { Log } from "../log.ts";
import type { JobOrder } from "../protocol/api.ts";
import { closeCodes } from "../protocol/close.ts";
import { encode } from "../protocol/codec.ts";
import { errorText, WsctlError } from "../protocol/errors.ts";
import type { ServerSocket } from "../runtime/runtime.ts";
import { type Batch, GroupCommit } from "../store/groupCommit.ts";
import { ControlCore } from "./core.ts";
import type { FleetOptions } from "./fleet.ts";
import { idempotencyOf } from "./idempotency.ts";
import type { ControlJournal, StoredJob } from "./journal.ts";
import type { ControlEffect, ControlEvent, ControlWrite, Job, NewSession } from "./records.ts";
import { storageError, unstored } from "./refusals.ts";
import { type Settle, Submissions } from "./submissions.ts";
import { resolveTarget } from "./target.ts";
import { Watchers } from "./watchers.ts";

export interface EngineOptions extends FleetOptions {
  journal: ControlJournal;
  clock: Clock;
  log: Log;
  /** Makes ids for jobs and requests, each greater than the one before. */
  newId: () => string;
}

/** How often a journal that failed is tried again. */
const probeMs = 1_000;
const timerMsMax = 60_000;
const terminateMs = 1_000;

export class Engine {
  readonly core: ControlCore;
  readonly journal: ControlJournal;
  readonly watchers = new Watchers();
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #newId: () => string;
  readonly #commits: GroupCommit<ControlWrite, ControlEffect>;
  readonly #sockets = new Map<number, ServerSocket>();
  readonly #submissions = new Submissions();
  #sessionIds = 0;
  #cancelTimer = () => {};
  #timerAt = Number.POSITIVE_INFINITY;
  #cancelProbe: (() => void) | undefined;
  #onIdle: (() => void) | undefined;

  constructor(options: EngineOptions) {
    const { journal, clock, log } = options;
    this.journal = journal;
    this.#clock = clock;
    this.#log = log;
    this.#newId = options.newId;
    this.#commits = new GroupCommit({
      commit: (writes) => journal.commit(writes),
      release: (effects) => {
        for (const effect of effects) this.#carryOut(effect);
        this.#onIdle?.();
      },
      failed: (batch, error) => this.#journalFailed(batch, error),
      soon: (run) => clock.soon(run),
    });
    this.core = new ControlCore(options, journal.agents(), journal.open(), clock.now());
    this.#arm();
  }

  /** Whether jobs are accepted; otherwise why not. */
  get unready(): string | undefined {
    if (this.core.dispatcher === undefined) return "the journal cannot be written";
    return this.core.fleet.draining ? "going down" : undefined;
  }

  /** What is held in memory, by kind: each is bounded. */
  get sizes() {
    return { ...this.core.sizes, sockets: this.#sockets.size, waiting: this.#commits.waitingCount };
  }

  /** `order` as a promise: resolved once the job is on disk. */
  submit(order: JobOrder, createdBy: string, key?: string): Promise<StoredJob> {
    return new Promise((accepted, refused) => {
      this.order(order, createdBy, key, { accepted, refused });
    });
  }

  /**
   * Accepts a job, or refuses it with `NO_MATCH`, `CONFLICT`, `BUSY`, `UNAVAILABLE` or
   * `STORAGE_UNAVAILABLE`. The same key with the same order by the same operator is the same job.
   */
  order(order: JobOrder, createdBy: string, key: string | undefined, settle: Settle): void {
    try {
      const idempotency = idempotencyOf(order, createdBy, key);
      if (idempotency !== undefined && this.#isRepeat(idempotency, settle)) return;
      const agents = resolveTarget(order.target, this.core.fleet.agents);
      const requests = agents.map((agentId) => ({ requestId: this.#newId(), agentId }));
      const job: Job = {
        jobId: this.#newId(),
        command: order.command,
        ...(order.parameters ? { parameters: order.parameters } : {}),
        target: order.target,
        timeoutMs: order.timeout_seconds * 1000,
        ttlMs: order.ttl_seconds * 1000,
        createdAt: this.#clock.now(),
        createdBy,
        ...(idempotency ? { idempotency } : {}),
      };
      this.#submissions.add(job.jobId, settle);
      this.#step({ type: "submit", job, requests });
    } catch (error) {
      settle.refused(error);
    }
  }

  /** Withdraws what of a job was not sent, has the rest stopped; on disk when this returns. */
  cancel(jobId: string): void {
    this.#step({ type: "cancel", jobId });
    this.#commits.flush();
    if (this.core.dispatcher === undefined) throw storageError();
  }

  /** A connection that has been authenticated; its messages and its end are to be told. */
  connected(
    session: Omit<NewSession, "sessionId" | "freshJournalId">,
    socket: ServerSocket,
  ): number {
    const sessionId = ++this.#sessionIds;
    const freshJournalId = this.#newId();
    this.#sockets.set(sessionId, socket);
    this.#step({ type: "opened", session: { ...session, sessionId, freshJournalId } });
    return sessionId;
  }

  received(sessionId: number, text: string): void {
    this.#step({ type: "received", sessionId, text });
  }

  disconnected(sessionId: number): void {
    this.#sockets.delete(sessionId);
    this.#step({ type: "closed", sessionId });
    this.#onIdle?.();
  }

  /** What has been decided outside: about tokens, or that it is time to go. */
  tell(event: ControlEvent & { type: "revoked" | "registered" | "draining" | "drain" }): void {
    this.#step(event);
  }

  /** Refuses new work, waits for running requests and then for the connections to close. */
  async drain(patienceMs: number): Promise<void> {
    this.tell({ type: "draining" });
    await this.#untilIdle(() => (this.core.dispatcher?.inflightCount ?? 0) === 0, patienceMs);
    this.tell({ type: "drain" });
    this.#commits.flush();
    await this.#untilIdle(() => this.#sockets.size === 0, 2_000);
  }

  close(): void {
    this.#cancelTimer();
    this.#cancelProbe?.();
    this.#commits.flush();
    this.journal.close();
  }

  #step(event: ControlEvent): void {
    this.#commits.add(this.core.step(event, this.#clock.now()));
    this.#arm();
  }

  #carryOut(effect: ControlEffect): void {
    switch (effect.type) {
      case "send":
        return this.#send(effect);
      case "close":
        return this.#sockets
          .get(effect.sessionId)
          ?.close(closeCodes[effect.name].code, effect.reason);
      case "terminate":
        return this.#terminate(effect.sessionId);
      case "accepted":
        return this.#accepted(effect.jobId);
      case "refused":
        return this.#submissions.refuse(effect.jobId, effect.error);
      case "ended":
        return this.watchers.ring(effect.jobId);
      case "recall":
        return this.#recall(effect);
      case "log":
        return this.#log[effect.level](`agent ${effect.agent} ${effect.text}`);
      default:
        return effect satisfies never;
    }
  }

  /** Not at once: a peer that does read may still be told why. */
  #terminate(sessionId: number): void {
    const socket = this.#sockets.get(sessionId);
    if (socket !== undefined) this.#clock.after(terminateMs, () => socket.terminate());
  }

  #send(effect: ControlEffect & { type: "send" }): void {
    const socket = this.#sockets.get(effect.sessionId);
    if (effect.message.type === "command") failpoint("control_before_send");
    if (socket === undefined || socket.send(encode(effect.message, this.#clock.now()))) return;
    this.#step({ type: "slow", sessionId: effect.sessionId });
  }

  #recall(effect: ControlEffect & { type: "recall" }): void {
    const { sessionId, answer } = effect;
    // An outcome may still wait for its commit: only what is on disk is on record.
    this.#commits.flush();
    const agentId = this.journal.agentOf(answer.request_id ?? "");
    this.#step({ type: "recalled", sessionId, answer, ...(agentId ? { agentId } : {}) });
  }

  #accepted(jobId: string): void {
    const job = this.journal.job(jobId);
    if (job === undefined) {
      const error = new WsctlError("INTERNAL", `job ${jobId} is not on record`);
      return this.#submissions.refuse(jobId, error);
    }
    const { command, total, createdBy: by } = job;
    this.#log.debug("accepted a job", { job_id: jobId, command, total, by });
    this.#submissions.accept(job);
  }

  #journalFailed(batch: Batch<ControlWrite, ControlEffect>, error: unknown): void {
    this.#log.error(`Cannot write the journal: ${errorText(error)}; nothing is accepted meanwhile`);
    this.#step({ type: "storage_failed", writes: batch.writes });
    for (const effect of batch.effects) {
      if (effect.type === "accepted") this.#submissions.refuse(effect.jobId, unstored(error));
      else if (!needsJournal(effect)) this.#carryOut(effect);
    }
    this.#cancelProbe ??= this.#clock.after(probeMs, () => this.#probeJournal());
  }

  #probeJournal(): void {
    this.#cancelProbe = undefined;
    try {
      this.journal.probe();
    } catch (error) {
      this.#log.debug(`the journal still cannot be written: ${errorText(error)}`);
      this.#cancelProbe = this.#clock.after(probeMs, () => this.#probeJournal());
      return;
    }
    this.#log.info("the journal can be written again");
    this.#step({ type: "storage_recovered", open: this.journal.open() });
  }

  /** Whether this operator has asked for a job under this key before; then that one answers. */
  #isRepeat(idempotency: NonNullable<Job["idempotency"]>, settle: Settle): boolean {
    const { key, fingerprint } = idempotency;
    const job = this.core.dispatcher?.jobByKey(key) ?? this.journal.jobByKey(key);
    if (job === undefined) return false;
    if (job.idempotency?.fingerprint !== fingerprint) {
      const text = `Cannot accept the job: its Idempotency-Key belongs to another order (job ${job.jobId})`;
      throw new WsctlError("CONFLICT", text);
    }
    this.#submissions.add(job.jobId, settle);
    // Either it still waits for its commit, or it is on record and settles at once.
    const stored = this.journal.job(job.jobId);
    if (stored !== undefined) this.#submissions.accept(stored);
    return true;
  }

  /** One timer for everything; it may ring early, never late. */
  #arm(): void {
    const next = this.core.next();
    if (next === undefined || next >= this.#timerAt) return;
    this.#cancelTimer();
    this.#timerAt = next;
    const waitMs = Math.min(Math.max(0, Math.ceil(next - this.#clock.now())), timerMsMax);
    this.#cancelTimer = this.#clock.after(waitMs, () => {
      this.#timerAt = Number.POSITIVE_INFINITY;
      this.#step({ type: "tick" });
    });
  }

  async #untilIdle(isIdle: () => boolean, patienceMs: number): Promise<void> {
    if (isIdle()) return;
    await new Promise<void>((resolve) => {
      const cancel = this.#clock.after(patienceMs, resolve);
      this.#onIdle = () => {
        if (!isIdle()) return;
        cancel();
        resolve();
      };
    });
    this.#onIdle = undefined;
  }
}

/** Effects that must not happen when the writes before them did not. */
function needsJournal(effect: ControlEffect): boolean {
  if (effect.type !== "send") return effect.type === "accepted" || effect.type === "ended";
  return ["command", "ack", "welcome", "cancel"].includes(effect.message.type);
}
