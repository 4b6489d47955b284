/** Executes the decisions of the core with sockets, timer and journal, and makes none itself. */
import { failpoint } from "../../failpoints.ts";
import { FaultGuard } from "../../log/faultGuard.ts";
import type { Log } from "../../log/log.ts";
import { sentenceOf, type WsctlError } from "../../protocol/errors.ts";
import { closeCodes, type SocketClose } from "../../protocol/wire/closeCodes.ts";
import { encode } from "../../protocol/wire/codec.ts";
import type { OutputPayload } from "../../protocol/wire/outputFrame.ts";
import type { ServerSocket } from "../../runtime/runtime.ts";
import { type Batch, GroupCommit } from "../../store/groupCommit.ts";
import { CapabilityCache } from "../capabilities/capabilityCache.ts";
import { ControlCore } from "../core/core.ts";
import type { AgentAction, ControlEvent, JobAction, Notification } from "../core/coreEvents.ts";
import type {
  ControlEffect,
  ControlWrite,
  Job,
  NewSession,
  OpenJournal,
  OutputSubscription,
  RequestDraft,
} from "../core/model.ts";
import { commitFailedError, decisionError, notYetDurable } from "../core/rejections.ts";
import type { CommitResult, ControlJournal } from "../journal/journal.ts";
import type { LineageGuard } from "../journal/lineage/lineageGuard.ts";
import { LateLookUps } from "../journal/rebuild/lateLookUps.ts";
import { AgentLines } from "./agentLines.ts";
import { CoreTime } from "./coreTime.ts";
import type { EngineOptions } from "./engineOptions.ts";
import { JournalProbe } from "./journalProbe.ts";
import { OutcomeListeners } from "./outcomes/outcomeListeners.ts";
import { OutputRouter } from "./outputRouter.ts";
import { type AcceptedJob, type Completion, PendingSubmissions } from "./pendingSubmissions.ts";
import { mayOvertake, requiresCommit } from "./requiresCommit.ts";
import { ResponseStreams } from "./responseStreams.ts";
import { SocketTable } from "./socketTable.ts";
import { ConditionWaiter } from "./waitUntil.ts";

type Effect<Type extends ControlEffect["type"]> = ControlEffect & { type: Type };

export class Engine {
  readonly core: ControlCore;
  readonly journal: ControlJournal;
  readonly outcomeListeners = new OutcomeListeners();
  readonly responseStreams = new ResponseStreams();
  readonly agentLines: AgentLines;
  readonly capabilities: CapabilityCache;
  readonly #outputs = new OutputRouter();
  readonly #conditions: ConditionWaiter;
  readonly #jobs = new PendingSubmissions();
  /** For times that are stored and shown. */
  readonly time: CoreTime;
  readonly #log: Log;
  readonly #guard: FaultGuard;
  readonly #newId: () => string;
  readonly #commits: GroupCommit<ControlWrite, ControlEffect, CommitResult>;
  readonly #sockets: SocketTable;
  readonly #lookUps: LateLookUps;
  readonly #probe: JournalProbe;
  readonly #lineage: LineageGuard | undefined;
  #failure?: unknown;

  constructor(options: EngineOptions) {
    const { journal, clock, log } = options;
    this.journal = journal;
    this.time = new CoreTime(clock, log, {
      onSet: (byMs) => void this.core.step({ type: "clockSet", byMs }, this.time.current),
      onDue: (wasPaused) => this.#step({ type: "tick", wasPaused }),
    });
    this.#log = log;
    this.agentLines = new AgentLines(log, clock);
    this.#guard = new FaultGuard(log);
    this.#newId = options.newId;
    this.#lineage = options.lineage;
    const recovered = (open: OpenJournal) => this.#step({ type: "storageRecovered", open });
    this.#probe = new JournalProbe({ journal, clock, log, recovered });
    this.#conditions = new ConditionWaiter(clock);
    const onFull = (sessionId: number) => this.#step({ type: "sendBufferFull", sessionId });
    this.#sockets = new SocketTable(clock, onFull);
    this.#lookUps = new LateLookUps(journal, (effect) => this.#lookUpRequest(effect));
    this.capabilities = new CapabilityCache(journal);
    this.#commits = new GroupCommit({
      ...{ commit: journal.commit, settle: journal.settle, mayOvertake },
      release: (effects, committed) => this.#release(effects, committed),
      failed: (batch, error) => this.#commitFailed(batch, error),
      defer: (run) => clock.defer(run),
    });
    const fleet = { ...options, hasCapabilities: (key: string) => this.capabilities.has(key) };
    this.core = new ControlCore(fleet, journal.agents(), journal.open(), this.time.current);
    this.time.wakeAt(this.core.next());
  }

  /** Why jobs are rejected, or undefined if they are accepted. */
  get unready(): string | undefined {
    if (this.core.dispatcher === undefined) return "the journal cannot be written";
    return this.core.registry.draining ? "shutting down" : this.journal.fault();
  }

  get sizes() {
    const { waitingCount: waiting } = this.#commits;
    return { ...this.core.sizes, sockets: this.#sockets.size, waiting };
  }

  /** Submits a job. `completion` is called once the job is on disk or rejected. */
  submit(job: Job, requests: RequestDraft[], completion: Completion): void {
    this.#jobs.add(job.jobId, completion);
    this.#step({ type: "jobSubmitted", job, requests });
  }

  /** Calls `completion` once this job is on disk, which may be immediately, or rejected. */
  whenAccepted({ jobId }: Job, completion: Completion): void {
    const [job, requests] = [this.journal.job(jobId), this.journal.requests(jobId)];
    this.#jobs.add(jobId, completion);
    if (job !== undefined) this.#jobs.accept({ job, requests });
  }

  /** Applies a decision about a job durably. @throws {WsctlError} STORAGE_UNAVAILABLE */
  decide(event: ControlEvent & { type: JobAction }): void {
    this.#waitUntil(event, decisionError);
  }

  /** Applies a change to an agent durably. @throws {WsctlError} STORAGE_UNAVAILABLE */
  applyAgentAction(event: ControlEvent & { type: AgentAction }): void {
    if (this.core.dispatcher === undefined) throw decisionError(this.#failure);
    this.#waitUntil(event, notYetDurable);
  }

  #waitUntil(event: ControlEvent, fault: (cause: unknown) => WsctlError): void {
    this.#step(event);
    this.#commits.flush();
    if (this.core.dispatcher === undefined) throw fault(this.#failure);
  }

  /** Returns the id of a new subscriber; `listener` receives its output. */
  newSubscription = (listener: (piece: OutputPayload) => void) => this.#outputs.add(listener);

  subscribeOutput(subscription: OutputSubscription): void {
    this.#step({ type: "outputSubscribed", subscription });
  }

  unsubscribeOutput(subscriber: number): void {
    this.#outputs.delete(subscriber);
    this.#step({ type: "outputUnsubscribed", subscriptionId: subscriber });
  }

  /** The caller reports the messages and the end of an authenticated connection. */
  connectionOpened(
    session: Omit<NewSession, "sessionId" | "freshJournalId">,
    socket: ServerSocket,
  ): number {
    const ids = { sessionId: this.#sockets.add(socket), freshJournalId: this.#newId() };
    this.#step({ type: "connectionOpened", session: { ...session, ...ids } });
    return ids.sessionId;
  }

  messageReceived(sessionId: number, frame: string | Uint8Array): void {
    this.#step({ type: "messageReceived", sessionId, frame });
  }

  /** The latest round-trip time to an agent, in milliseconds. */
  latency(agentId: string): number | undefined {
    const sessionId = this.core.registry.agents.get(agentId)?.session?.sessionId;
    return sessionId === undefined ? undefined : this.#sockets.latencyOf(sessionId);
  }

  connectionClosed(sessionId: number, close?: SocketClose): void {
    this.#sockets.delete(sessionId);
    this.#step({ type: "connectionClosed", sessionId, ...(close === undefined ? {} : { close }) });
    this.#conditions.changed();
  }

  /** Reports a decision made outside the core, such as a revoked token or a shutdown. */
  notify(event: ControlEvent & { type: Notification }): void {
    this.#step(event);
  }

  /** Rejects new jobs, waits for running requests, and then waits for connections to close. */
  async drain(patienceMs: number): Promise<void> {
    this.notify({ type: "drainStarted" });
    await this.#conditions.waitUntil(
      () => (this.core.dispatcher?.requests.inflightCount ?? 0) === 0,
      patienceMs,
    );
    this.notify({ type: "connectionsDrained" });
    this.#commits.flush();
    await this.#conditions.waitUntil(() => this.#sockets.size === 0, 2_000);
  }

  close(): void {
    this.time.cancel();
    this.#probe.cancel();
    this.#commits.flush();
    this.journal.close();
  }

  #step(event: ControlEvent): void {
    this.#commits.add(this.core.step(event, this.time.now()));
    this.time.wakeAt(this.core.next());
  }

  #release(effects: readonly ControlEffect[], committed?: CommitResult): void {
    for (const effect of effects) this.#attempt(effect, committed);
    this.#conditions.changed();
  }

  /** A fault in one effect neither prevents other effects nor ends the process. */
  #attempt(effect: ControlEffect, committed?: CommitResult): void {
    const what = `apply effect "${effect.type}"`;
    this.#guard.attempt(what, () => this.#execute(effect, committed));
  }

  #execute(effect: ControlEffect, committed?: CommitResult): void {
    switch (effect.type) {
      case "send":
        return this.#send(effect);
      case "close":
        return this.#sockets.close(effect.sessionId, closeCodes[effect.name].code, effect.reason);
      case "terminate":
        return this.#sockets.terminate(effect.sessionId);
      case "acceptJob":
        return this.#acceptJob(effect);
      case "rejectJob":
        return this.#jobs.fail(effect.jobId, effect.error);
      case "publishOutcome":
        return this.#publishOutcome(effect, committed);
      case "lookUpRequest":
        return this.#lookUpRequest(effect);
      case "forwardOutput":
        return this.#outputs.route(effect.piece);
      case "storeCapabilities":
        return this.capabilities.learn(effect, this.core.registry.agents.values(), this.#log);
      case "judgeLineage":
        return this.#lineage?.judge(effect);
      case "log":
        return this.agentLines.write(effect);
      default:
        return effect satisfies never;
    }
  }

  #acceptJob(accepted: AcceptedJob): void {
    const { jobId: job_id, command, total, createdBy: by } = accepted.job;
    this.#log.debug("job accepted", { job_id, command, total, by });
    this.#jobs.accept(accepted);
  }

  #publishOutcome({ outcome, command }: Effect<"publishOutcome">, committed?: CommitResult): void {
    const sequence = committed?.sequences.get(outcome.requestId);
    if (sequence === undefined) throw new Error(`no sequence for request ${outcome.requestId}`);
    this.outcomeListeners.notify({ ...outcome, sequence }, command);
  }

  #send(effect: Effect<"send">): void {
    const { sessionId } = effect;
    const message = this.#lineage ? this.#lineage.complete(effect.message) : effect.message;
    if (message === undefined) return;
    if (message.type === "command") failpoint("control_before_send");
    const { clockSetByMs = 0 } = this.core.registry.session(sessionId) ?? {};
    const now = this.time.current - clockSetByMs;
    const text = () => encode(message, now);
    if (message.type === "ack") this.#sockets.sendLater(sessionId, text);
    else this.#sockets.send(sessionId, text);
  }

  #lookUpRequest(effect: Effect<"lookUpRequest">): void {
    const { sessionId, answer } = effect;
    this.#commits.flush(); // only committed outcomes are visible
    this.checkJournal();
    if (this.core.dispatcher === undefined) return;
    const found = this.#lookUps.find(effect);
    if (found !== false) this.#step({ type: "requestLookedUp", sessionId, answer, ...found });
  }

  #commitFailed(batch: Batch<ControlWrite, ControlEffect>, error: unknown): ControlEffect[] {
    const text = sentenceOf("write the journal", error);
    this.#log.error(`${text}. No jobs are accepted until it can be written`);
    this.#failure = error;
    this.#step({ type: "commitFailed", writes: batch.writes, reason: error });
    for (const effect of batch.effects) {
      if (effect.type === "acceptJob") this.#jobs.fail(effect.job.jobId, commitFailedError(error));
    }
    this.#probe.start();
    return batch.effects.filter((effect) => !requiresCommit(effect));
  }

  /** Checks that the log is still there; it may not be written for a long time. */
  checkJournal(): void {
    if (this.core.dispatcher === undefined) return;
    try {
      this.journal.assertInPlace();
    } catch (error) {
      this.#commitFailed({ writes: [], effects: [] }, error);
    }
  }
}
