/**
 * The engine carries the core's decisions out: it holds sockets, the one timer, the journal and who
 * waits for an answer, and feeds what happens back as events. It decides nothing itself.
 */
import { failpoint } from "../../failpoints.ts";
import { Aside } from "../../log/faultGuard.ts";
import type { Log } from "../../log/log.ts";
import { errorText, type WsctlError } from "../../protocol/errors.ts";
import { closeCodes } from "../../protocol/wire/closeCodes.ts";
import { encode } from "../../protocol/wire/codec.ts";
import type { ServerSocket } from "../../runtime/runtime.ts";
import { type Batch, GroupCommit } from "../../store/groupCommit.ts";
import { Alarm } from "../../time/alarm.ts";
import type { Clock } from "../../time/clock.ts";
import { Catalogues } from "../capabilities/capabilityCache.ts";
import { ControlCore } from "../core/core.ts";
import type {
  ControlEffect,
  ControlEvent,
  ControlWrite,
  FollowOrder,
  Job,
  NewSession,
  OpenJournal,
  Outcome,
  OutputPiece,
  WantedRequest,
} from "../core/model.ts";
import { storageError, unstored, writtenLater } from "../core/rejections.ts";
import type { CommitResult, ControlJournal } from "../journal/journal.ts";
import type { EngineOptions } from "./engineOptions.ts";
import { Watchers } from "./outcomeListeners.ts";
import { OutputRelay } from "./outputRouter.ts";
import { type AcceptedJob, type Completion, PendingSubmissions } from "./pendingSubmissions.ts";
import { needsJournal } from "./requiresCommit.ts";
import { OpenStreams } from "./responseStreams.ts";
import { SocketTable } from "./socketTable.ts";
import { Idle } from "./waitUntil.ts";

/** How often a journal that failed is tried again. */
const probeMs = 1_000;

type Decision = "cancel" | "approve" | "pause" | "resume";
type Told = ("revoked" | "fenced" | "renamed" | "withdraw") | ("register" | "draining" | "drain");
type OfAgent = "amend" | "forget";

export class Engine {
  readonly core: ControlCore;
  readonly journal: ControlJournal;
  readonly watchers = new Watchers();
  readonly streams = new OpenStreams();
  readonly catalogues: Catalogues;
  readonly #outputs = new OutputRelay();
  readonly #idle: Idle;
  readonly #submissions = new PendingSubmissions();
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #aside: Aside;
  readonly #newId: () => string;
  readonly #commits: GroupCommit<ControlWrite, ControlEffect, CommitResult>;
  readonly #sockets: SocketTable;
  readonly #alarm: Alarm;
  #cancelProbe: (() => void) | undefined;

  constructor(options: EngineOptions) {
    const { journal, clock, log } = options;
    this.journal = journal;
    this.#clock = clock;
    this.#log = log;
    this.#aside = new Aside(log);
    this.#newId = options.newId;
    this.#idle = new Idle(clock);
    this.#sockets = new SocketTable(clock);
    this.catalogues = new Catalogues(journal);
    this.#commits = new GroupCommit({
      commit: (writes) => journal.commit(writes),
      release: (effects, committed) => {
        for (const effect of effects) this.#attempt(effect, committed);
        this.#idle.changed();
      },
      failed: (batch, error) => this.#journalFailed(batch, error),
      soon: (run) => clock.soon(run),
    });
    const knowsCatalogue = (digest: string) => this.catalogues.knows(digest);
    const { heartbeatSeconds, isTls = false } = options;
    const fleet = { heartbeatSeconds, isTls, knowsCatalogue };
    this.core = new ControlCore(fleet, journal.agents(), journal.open(), clock.now());
    this.#alarm = new Alarm(clock, (wasPaused) => this.#step({ type: "tick", wasPaused }));
    this.#alarm.set(this.core.next());
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

  /** Applies now; `completion` is called once the job is on disk, or refused. */
  submit(job: Job, requests: WantedRequest[], completion: Completion): void {
    this.#submissions.add(job.jobId, completion);
    this.#step({ type: "submit", job, requests });
  }

  /** Calls back once this job is on disk, which it may be already, or is refused. */
  whenAccepted({ jobId }: Job, completion: Completion): void {
    this.#submissions.add(jobId, completion);
    const stored = this.journal.job(jobId);
    if (stored === undefined) return;
    this.#submissions.accept({ job: stored, requests: this.journal.requests(jobId) });
  }

  /** What an operator decides about a job; on disk when this returns. */
  decide(event: ControlEvent & { type: Decision }): void {
    this.#settle(event, storageError);
  }

  /** What an operator says of an agent; on disk when this returns. */
  amend(event: ControlEvent & { type: OfAgent }): void {
    if (this.core.dispatcher === undefined) throw storageError();
    this.#settle(event, writtenLater);
  }

  #settle(event: ControlEvent, fault: () => WsctlError): void {
    this.#step(event);
    this.#commits.flush();
    if (this.core.dispatcher === undefined) throw fault();
  }

  /** A watcher of a request's output; `listener` is called with what it asks for by `follow`. */
  newWatcher(listener: (piece: OutputPiece) => void): number {
    return this.#outputs.add(listener);
  }

  follow(order: FollowOrder): void {
    this.#step({ type: "follow", order });
  }

  unfollow(watcher: number): void {
    this.#outputs.delete(watcher);
    this.#step({ type: "unfollow", watcher });
  }

  /** A connection that has been authenticated; its messages and its end are to be told. */
  connected(
    session: Omit<NewSession, "sessionId" | "freshJournalId">,
    socket: ServerSocket,
  ): number {
    const sessionId = this.#sockets.add(socket);
    const freshJournalId = this.#newId();
    this.#step({ type: "opened", session: { ...session, sessionId, freshJournalId } });
    return sessionId;
  }

  received(sessionId: number, text: string): void {
    this.#step({ type: "received", sessionId, text });
  }

  /** How long the way to an agent and back was at the latest look, in milliseconds. */
  latencyOf(agentId: string): number | undefined {
    const sessionId = this.core.fleet.agents.get(agentId)?.session?.sessionId;
    return sessionId === undefined ? undefined : this.#sockets.latencyOf(sessionId);
  }

  disconnected(sessionId: number): void {
    this.#sockets.delete(sessionId);
    this.#step({ type: "closed", sessionId });
    this.#idle.changed();
  }

  /** What has been decided outside: about tokens, or that it is time to go. */
  tell(event: ControlEvent & { type: Told }): void {
    this.#step(event);
  }

  /** Refuses new work, waits for running requests and then for the connections to close. */
  async drain(patienceMs: number): Promise<void> {
    this.tell({ type: "draining" });
    await this.#idle.until(
      () => (this.core.dispatcher?.requests.inflightCount ?? 0) === 0,
      patienceMs,
    );
    this.tell({ type: "drain" });
    this.#commits.flush();
    await this.#idle.until(() => this.#sockets.size === 0, 2_000);
  }

  close(): void {
    this.#alarm.cancel();
    this.#cancelProbe?.();
    this.#commits.flush();
    this.journal.close();
  }

  #step(event: ControlEvent): void {
    this.#commits.add(this.core.step(event, this.#clock.now()));
    this.#alarm.set(this.core.next());
  }

  /** A fault in one effect keeps no other from happening, and does not end the process. */
  #attempt(effect: ControlEffect, committed?: CommitResult): void {
    const what = `carry out an effect of the kind "${effect.type}"`;
    this.#aside.attempt(what, () => this.#carryOut(effect, committed));
  }

  #carryOut(effect: ControlEffect, committed?: CommitResult): void {
    switch (effect.type) {
      case "send":
        return this.#send(effect);
      case "close":
        return this.#sockets.close(effect.sessionId, closeCodes[effect.name].code, effect.reason);
      case "terminate":
        return this.#sockets.terminate(effect.sessionId);
      case "accepted":
        return this.#accepted(effect);
      case "refused":
        return this.#submissions.refuse(effect.jobId, effect.error);
      case "ended":
        return this.#ended(effect.outcome, committed);
      case "recall":
        return this.#recall(effect);
      case "output":
        return this.#outputs.pass(effect.piece);
      case "catalogue":
        return this.catalogues.learn(effect, this.core.fleet.agents.values(), this.#log);
      case "log":
        return this.#log[effect.level](`agent ${effect.agent} ${effect.text}`);
      default:
        return effect satisfies never;
    }
  }

  #accepted(accepted: AcceptedJob): void {
    const { jobId, command, total, createdBy: by } = accepted.job;
    this.#log.debug("accepted a job", { job_id: jobId, command, total, by });
    this.#submissions.accept(accepted);
  }

  #ended(outcome: Outcome, committed: CommitResult | undefined): void {
    const sequence = committed?.sequences.get(outcome.requestId);
    if (sequence === undefined) throw new Error(`no sequence for request ${outcome.requestId}`);
    this.watchers.tell({ ...outcome, sequence });
  }

  #send(effect: ControlEffect & { type: "send" }): void {
    const { sessionId, message } = effect;
    if (message.type === "command") failpoint("control_before_send");
    const isTaken = this.#sockets.send(sessionId, () => encode(message, this.#clock.now()));
    if (!isTaken) this.#step({ type: "slow", sessionId });
  }

  #recall(effect: ControlEffect & { type: "recall" }): void {
    const { sessionId, answer } = effect;
    // An outcome may still wait for its commit: only what is on disk is on record.
    this.#commits.flush();
    const agentId = this.journal.agentOf(answer.request_id ?? "");
    this.#step({ type: "recalled", sessionId, answer, ...(agentId ? { agentId } : {}) });
  }

  #journalFailed(batch: Batch<ControlWrite, ControlEffect>, error: unknown): void {
    this.#log.error(`Cannot write the journal: ${errorText(error)}; nothing is accepted meanwhile`);
    this.#step({ type: "storage_failed", writes: batch.writes });
    for (const effect of batch.effects) {
      if (effect.type === "accepted") this.#submissions.refuse(effect.job.jobId, unstored(error));
      else if (!needsJournal(effect)) this.#attempt(effect);
    }
    this.#cancelProbe ??= this.#clock.after(probeMs, () => this.#probeJournal());
  }

  /** Whether its file is still there; to be asked now and then, as nothing may be written for long. */
  look(): void {
    if (this.core.dispatcher === undefined) return;
    try {
      this.journal.look();
    } catch (error) {
      this.#journalFailed({ writes: [], effects: [] }, error);
    }
  }

  #probeJournal(): void {
    this.#cancelProbe = undefined;
    let open: OpenJournal;
    try {
      this.journal.probe();
      open = this.journal.open();
    } catch (error) {
      this.#log.debug(`the journal still cannot be written: ${errorText(error)}`);
      this.#cancelProbe = this.#clock.after(probeMs, () => this.#probeJournal());
      return;
    }
    this.#log.info("the journal can be written again");
    this.#step({ type: "storage_recovered", open });
  }
}
