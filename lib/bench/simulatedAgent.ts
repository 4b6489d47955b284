/**
 * A simulated `wsctl.v1` agent: it exchanges real messages, sends heartbeats at the interval from
 * `welcome`, reconnects like a real agent, answers every command at once, and repeats a response
 * until it is acknowledged. Thousands of them fit into one process.
 */

import { reconnectDelayMs } from "../agent/core/reconnectDelay.ts";
import type { Trust } from "../network/trust.ts";
import { messageBytesMax, reconnectSecondsDefault } from "../protocol/limits.ts";
import { type AgentDraft, decodeFromControl, encode } from "../protocol/wire/codec.ts";
import type { ControlMessage } from "../protocol/wire/message.ts";
import { protocolVersion, subprotocol, version } from "../protocol/wire/version.ts";
import type { ClientSocket, Runtime } from "../runtime/runtime.ts";
import type { Clock } from "../time/clock.ts";

export interface SimulatedOptions {
  /** `ws://…/agent` or `wss://…/agent`. */
  url: string;
  /** PEM text of the CA. */
  trust: Trust;
  runtime: Runtime;
  clock: Clock;
  /** The interval of status updates in seconds; none are sent if absent. */
  statusSeconds?: number;
  /** Called with 1 when the agent receives `welcome`, and with -1 when it disconnects. */
  changed(by: 1 | -1): void;
}

export class SimulatedAgent {
  readonly #options: SimulatedOptions;
  readonly #token: string;
  readonly #instanceId = crypto.randomUUID();
  readonly #unacknowledged = new Map<string, AgentDraft>();
  #journalId = { journal_id: "new", epoch: 0 };
  #socket: ClientSocket | undefined;
  #isUp = false;
  #isStopped = false;
  #attempt = 0;
  #spreadMs = reconnectSecondsDefault * 1000;
  #cancelBeat = () => {};
  #cancelStatus = () => {};
  #cancelReturn = () => {};

  constructor(options: SimulatedOptions, token: string) {
    this.#options = options;
    this.#token = token;
  }

  start(): void {
    const { runtime, url, trust } = this.#options;
    const headers = { Authorization: `Bearer ${this.#token}` };
    this.#socket = runtime.connect(
      { url, headers, protocols: [subprotocol], messageBytesMax, trust },
      {
        open: () => this.#hello(),
        message: (text) => this.#received(text ?? ""),
        pong: () => {},
        close: (code) => this.#closed(code),
      },
    );
  }

  stop(): void {
    this.#isStopped = true;
    this.#cancelReturn();
    this.#socket?.close(1000, "benchmark finished");
  }

  #hello(): void {
    const own = { protocol_version: protocolVersion, version, instance_id: this.#instanceId };
    this.#send({ type: "hello", payload: { ...own, ...this.#journalId } });
  }

  #received(text: string): void {
    const { message } = decodeFromControl(text, { isExtended: true });
    if (message === undefined) return;
    if (message.type === "welcome") this.#welcome(message.payload);
    else if (message.type === "ack") this.#unacknowledged.delete(message.request_id);
    else if (message.type === "command") {
      const payload = { status: "success", message: "pong" } as const;
      const answer = { type: "response", request_id: message.request_id, payload } as const;
      this.#unacknowledged.set(message.request_id, answer);
      this.#send(answer);
    }
  }

  #welcome(payload: (ControlMessage & { type: "welcome" })["payload"]): void {
    const { journal_id, epoch, heartbeat_seconds, reconnect_seconds } = payload;
    this.#journalId = { journal_id, epoch };
    this.#spreadMs = reconnect_seconds * 1000;
    this.#cancelBeat();
    this.#cancelBeat = this.#every(heartbeat_seconds, () => ({ type: "heartbeat", payload: {} }));
    if (this.#isUp) return;
    this.#isUp = true;
    this.#attempt = 0;
    this.#options.changed(1);
    const { statusSeconds } = this.#options;
    const metrics = { cpu_usage: "12.5%", memory_usage: "1.5GB" };
    if (statusSeconds !== undefined) {
      const status = () => ({ type: "status_update", payload: metrics }) as const;
      this.#cancelStatus = this.#every(statusSeconds, status);
    }
    for (const answer of this.#unacknowledged.values()) this.#send(answer);
  }

  #closed(code: number): void {
    this.#cancelBeat();
    this.#cancelStatus();
    if (this.#isUp) this.#options.changed(-1);
    this.#isUp = false;
    if (this.#isStopped) return;
    const facts = { attempt: this.#attempt++, spreadMs: this.#spreadMs, closeCode: code };
    const delayMs = reconnectDelayMs({ ...facts, retryAfterMs: undefined, random: Math.random() });
    this.#cancelReturn = this.#options.clock.after(delayMs, () => this.start());
  }

  /**
   * The first call is at a random time within the interval, because agents do not start together.
   */
  #every(seconds: number, draft: () => AgentDraft): () => void {
    const { clock } = this.#options;
    let cancel = () => {};
    const next = (ms: number) => {
      cancel = clock.after(ms, () => {
        this.#send(draft());
        next(seconds * 1000);
      });
    };
    next(Math.random() * seconds * 1000);
    return () => cancel();
  }

  #send(draft: AgentDraft): void {
    this.#socket?.send(encode(draft, this.#options.clock.now()));
  }
}
