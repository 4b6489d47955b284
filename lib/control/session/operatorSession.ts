/** The session of an operator: what one connection sends, and what it is sent. */
import { FaultGuard } from "../../log/faultGuard.ts";
import type { FollowMessage, SubmitMessage } from "../../protocol/api/session.ts";
import { errorCodes, WsctlError } from "../../protocol/errors.ts";
import {
  sessionCloseMs,
  sessionJobsMax,
  sessionOutputJobsMax,
  sessionPageRows,
  sessionPingMs,
  sessionSilenceMs,
  sessionWaitingCharsMax,
} from "../../protocol/sessionLimits.ts";
import { type CloseName, closeCodes } from "../../protocol/wire/closeCodes.ts";
import type { QueuedSocket } from "../../runtime/runtime.ts";
import type { Clock } from "../../time/clock.ts";
import { describeActor } from "../api/actor.ts";
import { findVisibleJob } from "../api/idPrefix.ts";
import type { RouteContext } from "../api/route.ts";
import { type RefusalLog, recordFailure } from "../audit/auditRequest.ts";
import type { StoredJob } from "../core/model.ts";
import { WaitingRoom } from "../engine/outcomes/waitingRoom.ts";
import type { AcceptedJob } from "../engine/pendingSubmissions.ts";
import { describeOperator } from "../jobs/submitJob.ts";
import { acceptedLine } from "../streams/acceptedLine.ts";
import { OutcomeStream } from "../streams/outcomeStream.ts";
import { OutputStream } from "../streams/outputStream.ts";
import { type MessageFault, parseClientMessage } from "./clientMessage.ts";
import { Outbox } from "./outbox.ts";
import { SessionJob } from "./sessionJob.ts";
import { Turns } from "./turns.ts";

export interface OperatorSessionOptions extends Omit<RouteContext, "c"> {
  socket: QueuedSocket;
  refusals: RefusalLog;
  clock: Clock;
}

/** What the control plane does under one reference. */
interface Entry {
  withOutput: boolean;
  credit: number;
  isStopped: boolean;
  /** Undefined until the job is accepted. */
  job?: SessionJob;
}

const submitAction = "job.create";

export class OperatorSession {
  readonly #options: OperatorSessionOptions;
  readonly #entries = new Map<string, Entry>();
  readonly #limits = { room: new WaitingRoom(sessionWaitingCharsMax), pageRows: sessionPageRows };
  readonly #guard: FaultGuard;
  readonly #outbox: Outbox;
  readonly #turns: Turns;
  #outputJobs = 0;
  readonly #forget: (() => void)[] = [];
  readonly #closed = Promise.withResolvers<void>();
  #cancelCheck = () => {};
  #heardAt: number;
  #isOpen = true;

  constructor(options: OperatorSessionOptions) {
    this.#options = options;
    const { engine, token, authority, clock, log } = options;
    this.#guard = new FaultGuard(log);
    this.#outbox = new Outbox(options.socket, () => {
      this.#close("slowReader");
      options.socket.terminate();
    });
    this.#turns = new Turns(options.socket, this.#outbox);
    this.#heardAt = clock.now();
    const { responseStreams } = engine;
    this.#forget.push(
      responseStreams.waitForEnd(token.tokenId, () => this.#close("unauthorized")),
      responseStreams.waitForStop(() => this.#stop()),
    );
    // The token may have ended between the handshake and the open connection.
    if (authority.isValid) this.#check();
    else this.#close("unauthorized");
  }

  /** Takes a frame; undefined is a binary one. */
  received(text: string | undefined): void {
    if (!this.#isOpen) return;
    this.#heardAt = this.#options.clock.now();
    if (text === undefined) return this.#close("binaryFrame");
    const { message, fault } = parseClientMessage(text);
    if (message === undefined) return this.#misunderstood(fault);
    switch (message.type) {
      case "submit":
        return this.#open(message, () => this.#submit(message));
      case "follow":
        return this.#open(message, () => this.#follow(message));
      case "credit":
        return this.#grant(message.ref, message.credit);
      case "stop":
        return this.#stopJob(message.ref);
      default:
        return message satisfies never;
    }
  }

  /** The connection has ended. */
  ended(): void {
    this.#end();
    this.#closed.resolve();
  }

  #say(text: string): void {
    if (this.#isOpen) this.#outbox.add(text);
  }

  #open({ ref, output, credit }: SubmitMessage | FollowMessage, begin: () => void): void {
    const { authority, token, address, refusals } = this.#options;
    if (this.#entries.has(ref)) {
      const text = `Cannot use ref "${ref}": it names an open job of this session`;
      return this.#reject(ref, new WsctlError("CONFLICT", `${text}. Choose another one`));
    }
    if (!authority.isValid) {
      const action = submitAction;
      refusals.record({ address, ...describeActor(token), code: "UNAUTHORIZED", action });
      return this.#close("unauthorized");
    }
    if (this.#entries.size >= sessionJobsMax) {
      return this.#refuse(ref, tooMany("has", sessionJobsMax));
    }
    if (output && this.#outputJobs >= sessionOutputJobsMax) {
      return this.#refuse(ref, tooMany("follows the output of", sessionOutputJobsMax));
    }
    if (output) this.#outputJobs++;
    this.#entries.set(ref, { withOutput: output, credit, isStopped: false });
    begin();
  }

  /** Runs in the same synchronous step that checked the authority. */
  #submit({ ref, job: jobRequest, key, traceparent }: SubmitMessage): void {
    const { jobs, engine } = this.#options;
    jobs.submitWith(jobRequest, describeOperator(this.#options, traceparent), key, {
      accepted: (accepted: AcceptedJob) => {
        const line = acceptedLine(engine, accepted);
        this.#say(JSON.stringify({ type: "accepted", ref, ...line }));
        this.#start(ref, accepted.job, 0, {});
      },
      refused: (error) => {
        const { token, address, log } = this.#options;
        const by = { engine, token, address, log, resource: {}, ids: {} };
        recordFailure(submitAction, by, error);
        this.#refuse(ref, error);
      },
    });
  }

  #follow({ ref, job_id: id, after, received }: FollowMessage): void {
    try {
      this.#start(ref, findVisibleJob(this.#options, id), after, received);
    } catch (error) {
      this.#refuse(ref, error);
    }
  }

  #start(
    ref: string,
    stored: StoredJob,
    after: number,
    received: Readonly<Record<string, number>>,
  ): void {
    const entry = this.#entries.get(ref);
    if (entry === undefined) return;
    if (entry.isStopped) return this.#stopped(ref);
    const begin = { engine: this.#options.engine, job: stored, after, limits: this.#limits };
    const source = entry.withOutput
      ? new OutputStream({ ...begin, received })
      : new OutcomeStream(begin);
    // The job may end before this returns.
    entry.job = new SessionJob({
      ...{ ref, source, credit: entry.credit },
      send: (text) => this.#say(text),
      askForTurn: (job) => this.#turns.ask(job),
      ended: () => this.#remove(ref),
      failed: (error) => this.#refuse(ref, error),
    });
  }

  #grant(ref: string, credit: number): void {
    const entry = this.#entries.get(ref);
    // The job may have ended while this was on the way.
    if (entry === undefined) return;
    entry.credit += credit;
    entry.job?.grant(credit);
  }

  #stopJob(ref: string): void {
    const entry = this.#entries.get(ref);
    if (entry === undefined || entry.job !== undefined) return this.#stopped(ref);
    entry.isStopped = true;
  }

  #stopped(ref: string): void {
    this.#remove(ref)?.job?.stop();
    this.#say(JSON.stringify({ type: "stopped", ref }));
  }

  #remove(ref: string): Entry | undefined {
    const entry = this.#entries.get(ref);
    this.#entries.delete(ref);
    if (entry?.withOutput) this.#outputJobs--;
    return entry;
  }

  /** The reference is free after this. */
  #refuse(ref: string, error: unknown): void {
    this.#remove(ref);
    this.#say(JSON.stringify({ type: "refused", ref, error: this.#shown(error) }));
  }

  #misunderstood({ ref, isRequest, error }: MessageFault): void {
    if (ref !== undefined && isRequest && !this.#entries.has(ref)) return this.#refuse(ref, error);
    this.#reject(ref, error);
  }

  /** Answers a message that changes nothing. */
  #reject(ref: string | undefined, error: unknown): void {
    const about = ref === undefined ? {} : { ref };
    this.#say(JSON.stringify({ type: "error", ...about, error: this.#shown(error) }));
  }

  #shown(error: unknown): { code: string; message: string } {
    if (error instanceof WsctlError) return { code: error.code, message: error.message };
    this.#guard.attempt("serve a session", () => {
      throw error;
    });
    return { code: "INTERNAL", message: errorCodes.INTERNAL.meaning };
  }

  /** Pings, and ends a session whose peer is silent or whose credential has ended. */
  #check(): void {
    const { clock, socket, authority } = this.#options;
    if (clock.now() - this.#heardAt >= sessionSilenceMs) {
      this.#close("silent");
      return socket.terminate();
    }
    if (!authority.isOpen) return this.#close("unauthorized");
    socket.ping(() => {
      this.#heardAt = clock.now();
    });
    this.#cancelCheck = clock.after(this.#checkMs, () => this.#check());
  }

  /** A console session ends by itself; a token says when it ends. */
  get #checkMs(): number {
    return this.#options.authority.isSession ? 1_000 : sessionPingMs;
  }

  #close(name: CloseName): void {
    if (!this.#isOpen) return;
    const { socket, clock } = this.#options;
    const reason = reasons[name] ?? closeCodes[name].meaning;
    if (name !== "slowReader") this.#outbox.flush();
    socket.close(closeCodes[name].code, reason);
    this.#end();
    clock.after(sessionCloseMs, () => socket.terminate());
  }

  #end(): void {
    this.#isOpen = false;
    this.#cancelCheck();
    for (const forget of this.#forget.splice(0)) forget();
    for (const { job } of this.#entries.values()) job?.stop();
    this.#entries.clear();
  }

  /** The control plane stops. */
  async #stop(): Promise<void> {
    this.#close("restarting");
    await this.#closed.promise;
  }
}

const reasons: Partial<Record<CloseName, string>> = {
  unauthorized: "the token has ended",
  silent: "no sign of life in time",
  slowReader: "the client does not read its messages",
};

function tooMany(what: string, most: number): WsctlError {
  const text = `this session ${what} ${most} jobs, the most at a time`;
  return new WsctlError(
    "BUSY",
    `Cannot take the job: ${text}. Wait until one has ended, or open another session`,
  );
}
