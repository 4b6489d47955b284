/**
 * The agent's engine executes the effects of the core. It holds the socket, the timer, the journal
 * and the running commands, and passes events back to the core. It makes no decisions.
 */
import { failpoint } from "../failpoints.ts";
import { FaultGuard } from "../log/faultGuard.ts";
import { errorText, WsctlError } from "../protocol/errors.ts";
import { type Decoded, decodeFromControl, encode } from "../protocol/wire/codec.ts";
import type { ControlMessage } from "../protocol/wire/message.ts";
import { subprotocol } from "../protocol/wire/version.ts";
import type { ClientSocket } from "../runtime/runtime.ts";
import { type Batch, GroupCommit } from "../store/groupCommit.ts";
import { Alarm } from "../time/alarm.ts";
import { AgentCore } from "./core/core.ts";
import type { AgentEffect, AgentEvent, AgentWrite, CommandResult, Update } from "./core/model.ts";
import { type AgentEngineOptions, afterPauseMs, closeTimeoutMs } from "./engineOptions.ts";
import { LoggedJournal } from "./loggedJournal.ts";
import { describeRun, type LoggedRun } from "./requestTraces.ts";
import { mayOvertake, requiresCommit } from "./requiresCommit.ts";

export class AgentEngine {
  readonly #options: AgentEngineOptions;
  readonly #core: AgentCore;
  readonly #guard: FaultGuard;
  readonly #journal: LoggedJournal;
  readonly #commits: GroupCommit<AgentWrite, AgentEffect, undefined>;
  readonly #running = new Map<string, AbortController>();
  #socket: { link: number; socket: ClientSocket } | undefined;
  readonly #alarm: Alarm;
  #cancelClosing = () => {};
  #isLinked = false;
  /** The action that waits for the connection to close. */
  #onClosed: (() => void) | undefined;
  #isStopped = false;
  #isFinished = false;

  constructor(options: AgentEngineOptions) {
    const { clock, journal } = options;
    this.#options = options;
    this.#core = new AgentCore(options);
    this.#guard = new FaultGuard(options.log);
    this.#journal = new LoggedJournal(options, (write) => this.#prepareRun(write));
    this.#commits = new GroupCommit({
      commit: this.#journal.commit,
      settle: () => journal.settle(),
      mayOvertake,
      release: (effects) => {
        for (const effect of effects) this.#attempt(effect);
      },
      failed: (batch, error) => this.#commitFailed(batch, error),
      defer: (flush) => clock.defer(flush),
    });
    const onAlarm = () => this.#step({ type: "tick", random: options.random() });
    this.#alarm = new Alarm(clock, onAlarm, afterPauseMs);
  }

  get sizes() {
    return { ...this.#core.sizes, waiting: this.#commits.waitingCount };
  }

  start(): void {
    const { journal, random } = this.#options;
    this.poll();
    const { identity } = journal;
    const [records, runs] = [journal.unacknowledged(), journal.scheduledRuns()];
    this.#step({ type: "started", identity, records, runs, random: random() });
  }

  /** Reads the agent's capabilities again, because they may have changed. */
  poll(isTextWanted = false): void {
    const { digest, text } = this.#options.readCapabilities();
    this.#step({ type: "capabilitiesRead", digest, ...(isTextWanted ? { text } : {}) });
  }

  /** Stops the agent: no further command starts, and the agent ends with the running ones. */
  stop(): void {
    this.#step({ type: "stopRequested" });
  }

  #step(event: AgentEvent): void {
    if (this.#isStopped) return;
    const [now, wall] = [this.#options.clock.now(), this.#options.clock.wall()];
    this.#commits.add(this.#core.step(event, now, wall - now));
    const { isLinked } = this.#core;
    if (isLinked !== this.#isLinked) this.#options.onConnected?.(isLinked);
    this.#isLinked = isLinked;
    if (this.#core.isStopped) this.#end();
    else this.#alarm.set(this.#core.next());
  }

  /** A fault in one effect neither stops the other effects nor ends the process. */
  #attempt(effect: AgentEffect): void {
    const what = `execute the effect "${effect.type}"`;
    if (this.#guard.attempt(what, () => this.#execute(effect))) return;
    if (effect.type !== "run" && effect.type !== "resumeRun") return;
    const { requestId } = effect;
    const message = "internal error of the agent; it is not known whether the command started";
    const result: CommandResult = { status: "unknown", message };
    this.#options.clock.defer(() => this.#step({ type: "commandFinished", requestId, result }));
  }

  #execute(effect: AgentEffect): void {
    switch (effect.type) {
      case "dial":
        return this.#dial(effect.link);
      case "send":
        return this.#withSocket(effect.link, (socket) =>
          socket.send(encode(effect.message, this.#options.clock.wall())),
        );
      case "ping":
        return this.#withSocket(effect.link, (socket) => socket.ping());
      case "close":
        return this.#withSocket(effect.link, (socket) => socket.close(effect.code, effect.reason));
      case "terminate":
        return this.#withSocket(effect.link, (socket) => socket.terminate());
      case "run":
        return this.#run(effect);
      case "resumeRun":
        return this.#resumeRun(effect);
      case "deleteRunDirectory":
        return this.#options.deleteRunDirectory(effect.requestId);
      case "abort":
        return this.#running.get(effect.requestId)?.abort(effect.why);
      case "confirmPersisted":
        return this.#step({ type: "requestPersisted", requestId: effect.requestId });
      case "storeAddresses":
        return this.#options.storeAddresses?.(effect.addresses);
      case "readHostMetrics":
        return this.#step({ type: "hostMetricsRead", metrics: this.#options.readHostMetrics() });
      case "subscribeOutput":
        return this.#options.subscribeOutput(effect.subscription, (piece) =>
          this.#step({ type: "outputProduced", piece }),
        );
      case "unsubscribeOutput":
        return this.#options.unsubscribeOutput(effect.left);
      case "readCapabilities":
        return this.poll(effect.isTextWanted);
      case "restart":
        return this.#restartIfPossible(effect.update);
      case "log":
        return this.#options.log[effect.level](effect.text);
      default:
        return effect satisfies never;
    }
  }

  #dial(link: number): void {
    const { connect, random, clock } = this.#options;
    const ended = (code: number, reason: string) => {
      this.#step({ type: "connectionClosed", link, code, reason, random: random() });
      if (this.#socket?.link === link) this.#socket = undefined;
      if (this.#onClosed !== undefined) this.#onClosed();
      else if (this.#isStopped) this.#finish();
    };
    try {
      let v1 = false;
      const socket = connect({
        open: (protocol) => {
          v1 = protocol === subprotocol;
          this.#step({ type: "connectionOpened", link, isExtended: v1 });
        },
        message: (text) => {
          if (text === undefined) this.#step({ type: "binaryReceived", link });
          else this.#received(link, decodeFromControl(text, { isExtended: v1 }));
        },
        pong: () => this.#step({ type: "pongReceived", link }),
        close: ended,
      });
      this.#socket = { link, socket };
    } catch (error) {
      // Deferred, because this code runs inside a transition.
      clock.defer(() => ended(1006, errorText(error)));
    }
  }

  /**
   * The core gets the journal's record of the request that a message is about. It knows the
   * uncommitted records itself.
   */
  #received(link: number, decoded: Decoded<ControlMessage>): void {
    const { message } = decoded;
    const needsRecord = message?.type === "command" || message?.type === "subscribe_output";
    const id = needsRecord ? message.request_id : undefined;
    const known = id === undefined ? undefined : this.#options.journal.find(id);
    this.#step({
      type: "messageReceived",
      link,
      decoded,
      ...(known === undefined ? {} : { known }),
    });
  }

  /** If this fails, so does the start. */
  #prepareRun(write: AgentWrite): void {
    if (write.type !== "putRequest" || write.record.state !== "started") return;
    const { outlives, requestId } = write.record;
    if (outlives) this.#guard.attempt("prepare a run", () => this.#options.prepareRun?.(requestId));
  }

  #run(effect: AgentEffect & { type: "run" }): void {
    const { requestId, expiresAt } = effect;
    // A slow disk, or a pause of this process, may have taken the rest of the time.
    if (expiresAt !== undefined && this.#options.clock.now() > expiresAt) {
      const message = "its TTL ended before it could start";
      const result: CommandResult = { status: "not_started", message };
      return this.#options.clock.defer(() =>
        this.#step({ type: "commandFinished", requestId, result }),
      );
    }
    const { signal, done } = this.#trackRunning("running", effect);
    failpoint("agent_before_run");
    this.#options.run(effect, signal, done);
  }

  #resumeRun(effect: AgentEffect & { type: "resumeRun" }): void {
    const { signal, done } = this.#trackRunning("taking up", effect);
    this.#options.resume(effect.requestId, signal, done);
  }

  #trackRunning(begun: string, run: LoggedRun) {
    const { requestId } = run;
    const about = describeRun(run);
    this.#options.log.info(begun, about);
    const abort = new AbortController();
    this.#running.set(requestId, abort);
    const done = (result: CommandResult) => {
      failpoint("agent_after_run");
      this.#running.delete(requestId);
      this.#options.log.info("ended", { ...about, status: result.status });
      this.#step({ type: "commandFinished", requestId, result });
    };
    return { signal: abort.signal, done };
  }

  /** This process continues if its program is missing or broken, as during a package upgrade. */
  #restartIfPossible(update: Update | undefined): void {
    const { restartFault, log } = this.#options;
    if (restartFault === undefined || update !== undefined) return this.#restart(update);
    void restartFault().then((reason) => {
      if (this.#isStopped) return;
      if (reason === undefined) return this.#restart(undefined);
      log.error(`Cannot restart: ${reason}`);
      this.#step({ type: "restart_failed", reason });
    });
  }

  /** The connection closes first, because another process is about to take over this agent id. */
  #restart(update: Update | undefined): void {
    const { log, restart, clock } = this.#options;
    log.info(update === undefined ? "restarting: replacing this process" : `trying ${update.to}`);
    this.#isStopped = true;
    this.#commits.flush();
    this.#alarm.cancel();
    this.#options.unsubscribeOutput();
    this.#onClosed = () => {
      this.#onClosed = undefined;
      this.#cancelClosing();
      this.#journal.close();
      restart(update);
    };
    if (this.#socket === undefined || update === undefined) return this.#onClosed();
    this.#cancelClosing = clock.after(closeTimeoutMs, () => this.#onClosed?.());
    this.#withSocket(this.#socket.link, (socket) => socket.close(1000, "updating"));
  }

  #commitFailed(batch: Batch<AgentWrite, AgentEffect>, error: unknown): AgentEffect[] {
    this.#journal.failed(error);
    this.#step({ type: "commitFailed", writes: batch.writes });
    return batch.effects.filter((effect) => !requiresCommit(effect));
  }

  /** Closes everything that is open; the process may end when the connection has closed. */
  #end(): void {
    this.#isStopped = true;
    this.#commits.flush();
    this.#alarm.cancel();
    if (this.#socket === undefined) this.#finish();
    // A control plane that has stopped does not close its side.
    else this.#cancelClosing = this.#options.clock.after(closeTimeoutMs, () => this.#finish());
  }

  #finish(): void {
    if (this.#isFinished) return;
    this.#isFinished = true;
    this.#cancelClosing();
    this.#journal.close();
    this.#options.onStopped();
  }

  #withSocket(link: number, use: (socket: ClientSocket) => void): void {
    if (this.#socket?.link !== link) return;
    try {
      use(this.#socket.socket);
    } catch (error) {
      // The socket is closing: a `close` event follows, and unsent messages are sent again.
      const reason = error instanceof WsctlError ? error.message : "the socket is closing";
      this.#options.log.debug("not sent", { reason });
    }
  }
}
