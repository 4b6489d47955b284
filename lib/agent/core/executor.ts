/**
 * The executor decides what happens to each command. It is a pure state machine around a journal.
 * A request is in the journal before its command runs, and its response before it is sent. A
 * request id that is in the journal never runs again; the executor repeats its response. If a
 * process died, its `started` requests are `INTERRUPTED`, and its `restarting` ones succeeded.
 */
import { stopGraceMs, unacknowledgedMax } from "../../protocol/limits.ts";
import type { Command } from "../../protocol/wire/message.ts";
import { DeadlineQueue } from "../../time/deadlineQueue.ts";
import { Admission, type AdmissionOptions } from "./admission.ts";
import { InheritedQueue, recoverRequest } from "./crashRecovery.ts";
import type {
  AgentWrite,
  CommandResult,
  ProcessInfo,
  RequestRecord,
  ResponseBody,
  ScheduledRun,
  StopReason,
} from "./model.ts";
import { PendingRestart } from "./pendingRestart.ts";
import { buildEntry, enter, newEntry, put, type RequestEntry, timed } from "./requestEntry.ts";
import {
  answerOf,
  cancelled,
  cannotSave,
  failure,
  notRestarted,
  stopped,
  truncateResponse,
} from "./response.ts";
import { ResponseOutbox } from "./responseOutbox.ts";
import type { AgentTransition } from "./transition.ts";

export interface ExecutorOptions extends AdmissionOptions {
  /** The process details in the response to a `restart` or an `update`. */
  self: ProcessInfo;
}

export class Executor {
  readonly #options: ExecutorOptions;
  readonly #admission: Admission;
  readonly #entries = new Map<string, RequestEntry>();
  readonly #deadlines = new DeadlineQueue<string>();
  readonly #outbox = new ResponseOutbox(this.#entries, this.#deadlines);
  #running = 0;
  readonly #restart = new PendingRestart();
  readonly #inherited = new InheritedQueue();
  #isStopping = false;

  constructor(options: ExecutorOptions) {
    this.#options = options;
    this.#admission = new Admission(options, this.#entries);
  }

  next(): number | undefined {
    const due = this.#deadlines.next();
    const restart = this.#restart.next();
    return due === undefined || restart === undefined ? (due ?? restart) : Math.min(due, restart);
  }

  /** Whether commands run that would not outlive this process. */
  get isBusy(): boolean {
    const records = [...this.#entries.values()].map(({ record }) => record);
    return records.some(({ state, outlives }) => state === "started" && !outlives);
  }

  /** The number of items in memory, by kind. */
  get sizes() {
    const { heldCount } = this.#deadlines;
    return { requests: this.#entries.size, running: this.#running, deadlines: heldCount };
  }

  /** Resumes from the requests of an earlier process in the journal. */
  recover(records: RequestRecord[], runs: readonly ScheduledRun[], t: AgentTransition): void {
    this.#admission.recover(runs);
    for (const stored of records) {
      // If the clock was set back while no agent ran, deadlines must not move to later.
      const entry = buildEntry({ ...stored, since: Math.min(stored.since, t.now) });
      this.#entries.set(stored.requestId, entry);
      const fate = recoverRequest(stored, this.#options.self, t.now);
      if (stored.state === "accepted") this.#inherited.add(entry, fate?.answer);
      else if (fate !== undefined) this.#end(entry, fate.answer, t);
      else if (stored.state === "started") this.#resumeRun(entry, t);
    }
  }

  /**
   * Continues with the queue of an earlier process.
   * @param isLatest Whether the journal is the latest one of this agent.
   */
  resumeQueue(isLatest: boolean, t: AgentTransition): void {
    for (const { entry, answer } of this.#inherited.release(isLatest, this.#entries, t)) {
      const { requestId, expiresAt } = entry.record;
      if (answer !== undefined) this.#end(entry, answer, t);
      else if (expiresAt !== undefined) this.#deadlines.set(requestId, expiresAt);
    }
    this.#startAccepted(t);
  }

  /**
   * Handles a command.
   * @param known The journal's record of its id.
   * @param expiresAt Its expiry on this agent's clock.
   */
  command(
    command: Command,
    known: RequestRecord | undefined,
    expiresAt: number | undefined,
    t: AgentTransition,
  ): void {
    const requestId = command.request_id;
    const entry = this.#entries.get(requestId);
    if (entry !== undefined) {
      if (entry.record.state === "ended") this.#outbox.respondDurably(entry, t);
      return;
    }
    if (known !== undefined) return this.#outbox.respondFromJournal(known, t);
    if (this.#restart.isPending || this.#isStopping) {
      // A peer of wsctl.v1 repeats a command without a response after a reconnect.
      if (this.#outbox.connection?.isExtended) return;
      const busy = failure("BUSY", "the agent is restarting; try again");
      return this.#outbox.respond(requestId, busy, t);
    }
    const accepted = newEntry(command, expiresAt, t);
    this.#entries.set(requestId, accepted);
    const refusal = this.#admission.admit(accepted, command, t);
    if (refusal !== undefined) return this.#end(accepted, refusal, t);
    if (this.#admission.canStart(accepted)) return this.#start(accepted, t);
    t.write(put(accepted));
    const { expiresAt: startBy } = accepted.record;
    if (startBy !== undefined) this.#deadlines.set(requestId, startBy);
  }

  /** Handles the end of a command's code. */
  finished(requestId: string, result: CommandResult, t: AgentTransition): void {
    const entry = this.#entries.get(requestId);
    if (entry === undefined || entry.record.state !== "started") return;
    this.#running--;
    const { record, stopping } = entry;
    const isOver = !["unknown", "stopped", "not_started"].includes(result.status);
    if (isOver && stopping !== undefined && !record.outlives) {
      this.#end(entry, stopped(stopping, record.timeoutMs), t);
    } else if (result.status === "restart") {
      entry.endsProcess = true;
      if (result.update !== undefined) record.update = result.update;
      enter(entry, "restarting", t.now);
      this.#deadlines.delete(requestId);
      this.#restart.request(t.now);
    } else this.#end(entry, answerOf(result, record.timeoutMs), t);
    this.#startAccepted(t);
    this.#restartIfReady(t);
  }

  /** Returns the record of a request that is in memory. */
  record(requestId: string): RequestRecord | undefined {
    return this.#entries.get(requestId)?.record;
  }

  get outbox(): ResponseOutbox {
    return this.#outbox;
  }

  /** The journal rejected these writes: commands have not started, and responses are kept. */
  commitFailed(writes: AgentWrite[], t: AgentTransition): void {
    for (const write of writes) {
      const entry =
        write.type === "putRequest" ? this.#entries.get(write.record.requestId) : undefined;
      if (entry === undefined || write.type !== "putRequest") continue;
      if (entry.record.state === "ended") this.#outbox.commitFailed(entry, t);
      else if (entry.record.state === "restarting") {
        this.#restart.giveUp();
        this.#end(entry, notRestarted("the agent cannot write its journal"), t);
      } else {
        if (entry.record.state === "started") this.#running--;
        this.#rejectUnsaved(entry, t);
      }
    }
  }

  /** The process could not be replaced, and continues. */
  restartFailed(reason: string, t: AgentTransition): void {
    this.#restart.giveUp();
    for (const entry of this.#entries.values()) {
      if (entry.record.state !== "restarting") continue;
      this.#end(entry, notRestarted(reason), t);
    }
    this.#startAccepted(t);
  }

  /** The command did not start, so the response may go out unsaved. A repeat gets the same one. */
  #rejectUnsaved(entry: RequestEntry, t: AgentTransition): void {
    const { requestId } = entry.record;
    enter(entry, "ended", t.now);
    entry.record.answer = cannotSave();
    this.#outbox.commitFailed(entry, t);
    this.#outbox.respond(requestId, entry.record.answer, t);
    if (this.#entries.size <= unacknowledgedMax) return;
    this.#entries.delete(requestId);
    this.#deadlines.delete(requestId);
  }

  tick(t: AgentTransition): void {
    for (;;) {
      const requestId = this.#deadlines.popDue(t.now);
      if (requestId === undefined) break;
      const entry = this.#entries.get(requestId);
      if (entry !== undefined) this.#onDeadline(entry, t);
    }
    this.#restartIfReady(t);
  }

  /** Cancels a request, unless it has ended or already ends this process. */
  cancel(requestId: string, t: AgentTransition): void {
    const entry = this.#entries.get(requestId);
    if (entry?.record.state === "accepted") this.#end(entry, cancelled(), t);
    else if (entry?.record.state === "started" && entry.stopping === undefined) {
      if (entry.record.isCancellable !== false) this.#stop(entry, "cancel", t);
    }
  }

  #stop(entry: RequestEntry, why: StopReason, t: AgentTransition): void {
    const { requestId } = entry.record;
    entry.stopping = why;
    this.#deadlines.set(requestId, t.now + stopGraceMs);
    t.perform({ type: "abort", requestId, why });
  }

  /** No further command starts. */
  stop(): void {
    this.#isStopping = true;
  }

  #onDeadline(entry: RequestEntry, t: AgentTransition): void {
    const { record } = entry;
    if (record.state === "accepted") {
      const text = "the request's time to live passed in the queue; it was not started";
      this.#end(entry, failure("EXPIRED", text), t);
    } else if (record.state === "started" && entry.stopping === undefined) {
      this.#stop(entry, "timeout", t);
    } else if (record.state === "started") {
      this.#running--;
      const text = "the command did not stop when it was requested; it may still run";
      this.#end(entry, failure("INTERRUPTED", text), t);
      this.#startAccepted(t);
    } else if (record.state === "ended") this.#outbox.repeat(entry, t);
  }

  #start(entry: RequestEntry, t: AgentTransition): void {
    const { requestId, command, parameters, timeoutMs, expiresAt, traceparent } = entry.record;
    this.#running++;
    enter(entry, "started", t.now);
    this.#deadlines.set(requestId, t.now + timeoutMs);
    t.write(put(entry));
    const expiry = expiresAt === undefined ? {} : { expiresAt };
    const trace = traceparent === undefined ? {} : { traceparent };
    t.perform({ type: "run", requestId, command, parameters, timeoutMs, ...expiry, ...trace });
  }

  /** Continues a run from the state in which the previous process left it. */
  #resumeRun(entry: RequestEntry, t: AgentTransition): void {
    const { requestId, command, since, timeoutMs } = entry.record;
    this.#running++;
    this.#deadlines.set(requestId, since + timeoutMs);
    t.perform({ type: "resumeRun", requestId, command });
  }

  #startAccepted(t: AgentTransition): void {
    if (this.#restart.isPending || this.#isStopping) return;
    for (const entry of this.#entries.values()) {
      if (this.#running >= this.#options.limits.running) return;
      if (entry.record.state !== "accepted") continue;
      if (this.#inherited.has(entry.record.requestId)) continue;
      const refusal = this.#admission.check(entry, t.now);
      if (refusal !== undefined) this.#end(entry, refusal, t);
      else if (this.#admission.canStart(entry)) this.#start(entry, t);
    }
  }

  #end(entry: RequestEntry, answer: ResponseBody, t: AgentTransition): void {
    enter(entry, "ended", t.now);
    entry.record.answer = timed(entry.record, truncateResponse(answer), t.now);
    this.#deadlines.delete(entry.record.requestId);
    this.#outbox.respondDurably(entry, t);
    if (entry.record.outlives) {
      t.perform({ type: "deleteRunDirectory", requestId: entry.record.requestId });
    }
  }

  #restartIfReady(t: AgentTransition): void {
    this.#running -= this.#restart.execute(this.#entries.values(), t);
  }
}
