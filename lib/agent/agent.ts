/**
 * An agent, put together: it carries the core's decisions out. It holds the socket, the one timer,
 * the journal and the running commands, and feeds what happens to them back into the core as
 * events. It decides nothing itself.
 */
import { arch, hostname, platform } from "node:os";
import process from "node:process";
import type { Clock } from "../clock.ts";
import type { Log } from "../log.ts";
import { encode } from "../protocol/codec.ts";
import { errorText, WsctlError } from "../protocol/errors.ts";
import { heartbeatSecondsDefault, messageBytesMax } from "../protocol/limits.ts";
import { protocolVersion, subprotocol, version } from "../protocol/version.ts";
import type { ClientSocket, Runtime } from "../runtime/runtime.ts";
import { type Batch, GroupCommit } from "../store/groupCommit.ts";
import type { AgentFacts } from "./commands/command.ts";
import { check, run } from "./commands/registry.ts";
import { AgentCore } from "./core.ts";
import type { AgentJournal } from "./journal.ts";
import type { AgentEffect, AgentEvent, AgentStep, AgentWrite } from "./records.ts";
import { UsageMeter } from "./usage.ts";

export interface AgentOptions {
  /** `ws://…` or `wss://…` up to and without the path. */
  server: string;
  token: string;
  /** PEM text of the authorities to trust instead of the system's. */
  ca?: string;
  /** Warned about when the token makes this agent somebody else. */
  agentId?: string;
  heartbeatSeconds?: number;
  journal: AgentJournal;
  runtime: Runtime;
  clock: Clock;
  log: Log;
  /** Replaces this process; by default through the runtime. */
  restart?: () => never;
}

const timerMsMax = 60_000;
const closeMs = 1_000;

/** Runs an agent until the signal is aborted: then its commands end, and its connection. */
export function runAgent(options: AgentOptions, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => new RunningAgent(options, signal, resolve));
}

class RunningAgent {
  readonly #options: AgentOptions;
  readonly #core: AgentCore;
  readonly #commits: GroupCommit<AgentWrite, AgentEffect>;
  readonly #facts: AgentFacts;
  readonly #meter: UsageMeter;
  readonly #running = new Map<string, AbortController>();
  readonly #onStopped: () => void;
  #socket: { link: number; socket: ClientSocket } | undefined;
  #timer: NodeJS.Timeout | undefined;
  #isStopped = false;
  #isFinished = false;

  constructor(options: AgentOptions, signal: AbortSignal, onStopped: () => void) {
    const { clock, journal, runtime } = options;
    this.#options = options;
    this.#onStopped = onStopped;
    this.#meter = new UsageMeter({ now: () => clock.now() });
    this.#facts = {
      version,
      runtime: `${runtime.name} ${runtime.version}`,
      hostname: hostname(),
      os: platform(),
      arch: arch(),
      pid: process.pid,
      startedAt: clock.now(),
    };
    this.#core = new AgentCore({
      hello: {
        protocol_version: protocolVersion,
        version,
        journal_id: journal.journalId,
        hostname: hostname(),
        os: platform(),
        arch: arch(),
      },
      heartbeatSeconds: options.heartbeatSeconds ?? heartbeatSecondsDefault,
      check,
      self: { pid: process.pid, version },
      ...(options.agentId === undefined ? {} : { agentId: options.agentId }),
    });
    this.#commits = new GroupCommit({
      commit: (writes) => journal.commit(writes),
      release: (effects) => {
        for (const effect of effects) this.#carryOut(effect);
      },
      failed: (batch, error) => this.#saveFailed(batch, error),
      defer: (flush) => setImmediate(flush),
    });
    this.#step({ type: "started", records: journal.unsettled(), random: Math.random() });
    const stop = () => this.#step({ type: "stop" });
    if (signal.aborted) stop();
    else signal.addEventListener("abort", stop, { once: true });
  }

  #step(event: AgentEvent): void {
    if (this.#isStopped) return;
    this.#yield(this.#core.step(event, this.#options.clock.now()));
  }

  #yield(step: AgentStep): void {
    this.#commits.add(step);
    if (this.#core.isStopped) this.#stop();
    else this.#arm();
  }

  #arm(): void {
    clearTimeout(this.#timer);
    const waitMs = Math.ceil(this.#core.next() - this.#options.clock.now());
    this.#timer = setTimeout(
      () => this.#step({ type: "tick", random: Math.random() }),
      Math.min(Math.max(0, waitMs), timerMsMax),
    );
  }

  #carryOut(effect: AgentEffect): void {
    switch (effect.type) {
      case "dial":
        return this.#dial(effect.link);
      case "send":
        return this.#withSocket(effect.link, (socket) =>
          socket.send(encode(effect.message, this.#options.clock.now())),
        );
      case "ping":
        return this.#withSocket(effect.link, (socket) => socket.ping());
      case "close":
        return this.#withSocket(effect.link, (socket) => socket.close(effect.code, effect.reason));
      case "terminate":
        return this.#withSocket(effect.link, (socket) => socket.terminate());
      case "recall":
        return this.#recall(effect);
      case "run":
        return this.#run(effect);
      case "abort":
        return this.#running.get(effect.requestId)?.abort(new Error("timeout"));
      case "measure":
        return this.#step({ type: "measured", figures: this.#meter.measure() });
      case "restart":
        return this.#restart();
      case "log":
        return this.#options.log[effect.level](effect.text);
      default:
        return effect satisfies never;
    }
  }

  #dial(link: number): void {
    const { server, token, ca, runtime, log } = this.#options;
    const url = `${server}/agent`;
    log.debug("connecting", { url });
    const ended = (code: number, reason: string) => {
      this.#step({ type: "closed", link, code, reason, random: Math.random() });
      if (this.#socket?.link === link) this.#socket = undefined;
      if (this.#isStopped) this.#finish();
    };
    try {
      const socket = runtime.connect(
        {
          url,
          headers: { Authorization: `Bearer ${token}` },
          protocols: [subprotocol],
          messageBytesMax,
          ...(ca === undefined ? {} : { ca }),
        },
        {
          open: (protocol) => this.#step({ type: "opened", link, v1: protocol === subprotocol }),
          message: (text) => {
            if (text === undefined) this.#step({ type: "received_binary", link });
            else this.#step({ type: "received", link, text });
          },
          pong: () => this.#step({ type: "pong", link }),
          close: ended,
        },
      );
      this.#socket = { link, socket };
    } catch (error) {
      // A URL that cannot be dialled at all; later, not now: this is inside a step.
      setImmediate(() => ended(1006, errorText(error)));
    }
  }

  #recall(effect: AgentEffect & { type: "recall" }): void {
    const { link, command } = effect;
    // What this process has just taken on may still wait for its commit.
    this.#commits.flush();
    const known = this.#options.journal.find(command.request_id);
    this.#step({ type: "recalled", link, command, known });
  }

  #run(effect: AgentEffect & { type: "run" }): void {
    const { requestId, command, parameters } = effect;
    const abort = new AbortController();
    this.#running.set(requestId, abort);
    this.#options.log.info("running", { command, request_id: requestId });
    void run(command, parameters, { signal: abort.signal, facts: this.#facts }).then((result) => {
      this.#running.delete(requestId);
      this.#options.log.info("ended", { command, request_id: requestId, status: result.status });
      this.#step({ type: "finished", requestId, result });
    });
  }

  #restart(): void {
    const { log, journal, runtime, restart } = this.#options;
    log.info("restarting: replacing this process");
    journal.close();
    (restart ?? runtime.reexec)();
  }

  #saveFailed(batch: Batch<AgentWrite, AgentEffect>, error: unknown): void {
    this.#options.log.error(`Cannot write the journal: ${errorText(error)}`);
    this.#step({ type: "save_failed", writes: batch.writes });
    for (const effect of batch.effects) if (!needsJournal(effect)) this.#carryOut(effect);
  }

  /** Closes what is open; the process may end once the control plane has been told. */
  #stop(): void {
    if (this.#isStopped) return;
    this.#isStopped = true;
    this.#commits.flush();
    clearTimeout(this.#timer);
    if (this.#socket === undefined) this.#finish();
    // A control plane that is gone never closes its side.
    else this.#timer = setTimeout(() => this.#finish(), closeMs);
  }

  #finish(): void {
    if (this.#isFinished) return;
    this.#isFinished = true;
    clearTimeout(this.#timer);
    this.#options.journal.close();
    this.#onStopped();
  }

  #withSocket(link: number, use: (socket: ClientSocket) => void): void {
    if (this.#socket?.link !== link) return;
    try {
      use(this.#socket.socket);
    } catch (error) {
      // The socket is closing: its `close` event says so, and what was not sent is sent again.
      const reason = error instanceof WsctlError ? error.message : "the socket is closing";
      this.#options.log.debug("not sent", { reason });
    }
  }
}

/** Effects that must not happen when the writes before them did not. */
function needsJournal(effect: AgentEffect): boolean {
  if (effect.type === "run" || effect.type === "restart") return true;
  if (effect.type !== "send") return false;
  return effect.message.type === "response" || effect.message.type === "error";
}
