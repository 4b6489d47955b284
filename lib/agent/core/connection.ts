/**
 * The agent's connection: a pure state machine that decides when to dial, when to send a heartbeat,
 * when a silent control plane counts as lost, and when to reconnect.
 * Connections have numbers. Events of an older connection are ignored, so a socket that never
 * reports its end blocks nothing.
 */

import {
  connectTimeoutMs,
  heartbeatsMissedMax,
  heartbeatsPerStatus,
  pingAfterSilenceMs,
  reconnectSecondsDefault,
  stableAfterMs,
} from "../../protocol/limits.ts";
import type { Hello, Welcome } from "../../protocol/wire/message.ts";
import { formatCpuUsage, formatMemoryUsage } from "../../protocol/wire/usageText.ts";
import type { HostMetrics, Identity } from "./model.ts";
import { reconnectDelayMs } from "./reconnectDelay.ts";
import type { AgentTransition } from "./transition.ts";

export interface ConnectionOptions {
  /** The fields of `hello` without the identity of the journal and the digest of capabilities. */
  hello: Omit<Hello["payload"], "journal_id" | "epoch" | "lineage" | "capabilities_digest">;
  /** The heartbeat interval that applies until the control plane sets another one. */
  heartbeatSeconds: number;
}

type LinkPhase =
  | { name: "idle" }
  | { name: "waiting"; until: number }
  | { name: "dialing"; until: number }
  /** The connection is open, and `wsctl.v1` is agreed, but `welcome` has not arrived. */
  | { name: "greeting"; until: number }
  | { name: "up"; since: number; isExtended: boolean };

/** CPU use is measured over an interval: a process that has just started has no value yet. */
const firstStatusMs = 1_000;

export class ConnectionState {
  readonly #options: ConnectionOptions;
  #state: LinkPhase = { name: "idle" };
  #link = 0;
  #attempt = 0;
  #heartbeatMs: number;
  #spreadMs = reconnectSecondsDefault * 1000;
  #retryAfterMs: number | undefined;
  #lastHeard = 0;
  #probedAt: number | undefined;
  #heartbeatAt = 0;
  #statusAt = 0;
  #greetedAt = 0;
  /**
   * The largest value that must be added to this clock to get the control plane's clock. It assumes
   * that the control plane wrote its response as soon as the agent sent `hello`. So the agent may
   * reject a command shortly before it expires, but never starts one after it has expired.
   */
  #clockOffsetMs = 0;
  #isStopping = false;

  constructor(options: ConnectionOptions) {
    this.#options = options;
    this.#heartbeatMs = options.heartbeatSeconds * 1000;
  }

  /** The number of the connection that is up, if there is one. */
  get up(): { link: number; isExtended: boolean } | undefined {
    return this.#state.name === "up"
      ? { link: this.#link, isExtended: this.#state.isExtended }
      : undefined;
  }

  get clockOffsetMs(): number {
    return this.#clockOffsetMs;
  }

  isCurrent(link: number): boolean {
    return link === this.#link && this.#isConnected;
  }

  /** Whether this is the newest connection or attempt, in any state. */
  isLatest(link: number): boolean {
    return link === this.#link;
  }

  next(): number | undefined {
    const state = this.#state;
    if (state.name === "idle") return undefined;
    if (state.name !== "up") return state.until;
    return Math.min(this.#heartbeatAt, this.#statusAt, this.#silentAt());
  }

  start(t: AgentTransition): void {
    this.#dial(t);
  }

  /**
   * Handles an open connection. A peer of `wsctl.v1` gets `hello` first; another is ready at once.
   */
  opened(
    isExtended: boolean,
    identity: Identity,
    catalogueDigest: string | undefined,
    t: AgentTransition,
  ): void {
    if (this.#state.name !== "dialing") return;
    this.#lastHeard = t.now;
    if (!isExtended) return this.#isUp(false, t);
    this.#greetedAt = t.now;
    this.#state = { name: "greeting", until: t.now + connectTimeoutMs };
    const { journalId: journal_id, epoch, lineage } = identity;
    const memory = { journal_id, epoch, ...(lineage === undefined ? {} : { lineage }) };
    const digest = catalogueDigest === undefined ? {} : { capabilities_digest: catalogueDigest };
    const payload = { ...this.#options.hello, ...memory, ...digest };
    const message = { type: "hello", payload } as const;
    t.send(this.#link, message);
  }

  /** Handles `welcome`: the response to `hello`, or later a change of the intervals. */
  welcome(message: Welcome, t: AgentTransition): void {
    const { heartbeat_seconds, reconnect_seconds } = message.payload;
    this.#spreadMs = reconnect_seconds * 1000;
    this.#heartbeatMs = heartbeat_seconds * 1000;
    if (this.#state.name === "greeting") {
      this.#clockOffsetMs = Date.parse(message.timestamp) - this.#greetedAt;
      return this.#isUp(true, t);
    }
    if (this.#state.name === "up" && !this.#state.isExtended) {
      // The peer knows `hello`, but the response was too late to measure its clock. Connect again.
      t.perform({ type: "terminate", link: this.#link });
      return this.#dial(t);
    }
    this.#heartbeatAt = Math.min(this.#heartbeatAt, t.now + this.#heartbeatMs);
  }

  /** Falls back to the standard protocol with a peer that does not respond to `hello`. */
  welcomeOverdue(t: AgentTransition): void {
    if (this.#state.name === "greeting") this.#isUp(false, t);
  }

  /** The control plane shuts down and says when to reconnect. */
  goaway(retryAfterMs: number): void {
    this.#retryAfterMs = retryAfterMs;
  }

  /** Handles any sign of life, including a pong. */
  messageReceived(now: number): void {
    this.#lastHeard = now;
    this.#probedAt = undefined;
  }

  measured(metrics: HostMetrics, t: AgentTransition): void {
    if (this.#state.name !== "up") return;
    const message = {
      type: "status_update",
      payload: {
        cpu_usage: formatCpuUsage(metrics.cpuPercent),
        memory_usage: formatMemoryUsage(metrics.memoryBytes),
      },
    } as const;
    t.send(this.#link, message);
  }

  /** Handles the end of a connection, or a failed attempt. */
  closed(code: number, reason: string, random: number, t: AgentTransition): void {
    const state = this.#state;
    if (state.name === "idle" || state.name === "waiting") return;
    if (this.#isStopping) {
      this.#state = { name: "idle" };
      return;
    }
    if (state.name === "up" && t.now - state.since >= stableAfterMs) this.#attempt = 0;
    const delayMs = reconnectDelayMs({
      attempt: this.#attempt++,
      spreadMs: this.#spreadMs,
      closeCode: code,
      retryAfterMs: this.#retryAfterMs,
      random,
    });
    this.#retryAfterMs = undefined;
    this.#state = { name: "waiting", until: t.now + delayMs };
    const what = state.name === "up" ? "connection lost" : "cannot connect";
    const why = `${code}${reason === "" ? "" : `: ${reason}`}`;
    const text = `${what} (${why}); next attempt in ${(delayMs / 1000).toFixed(1)} s`;
    t.log("warn", text);
  }

  tick(random: number, t: AgentTransition): void {
    const state = this.#state;
    if (state.name === "waiting" && t.now >= state.until) return this.#dial(t);
    if (state.name === "greeting" && t.now >= state.until) return this.welcomeOverdue(t);
    if (state.name === "dialing" && t.now >= state.until) {
      return this.#giveUp("no answer in time", random, t);
    }
    if (state.name !== "up") return;
    if (t.now >= this.#silentAt()) {
      if (this.#probedAt !== undefined) return this.#giveUp("silent", random, t);
      // Messages of the peer may be waiting if this process did not run for a while.
      this.#probedAt = t.now;
      t.perform({ type: "ping", link: this.#link });
    }
    if (t.now >= this.#heartbeatAt) this.#heartbeat(t);
    if (t.now < this.#statusAt) return;
    this.#statusAt = t.now + this.#heartbeatMs * heartbeatsPerStatus;
    t.perform({ type: "readHostMetrics" });
  }

  /** Closes the connection. The agent does not connect again. */
  stop(t: AgentTransition): void {
    this.#isStopping = true;
    if (this.#isConnected) {
      t.perform({ type: "close", link: this.#link, code: 1000, reason: "agent stopped" });
    } else if (this.#state.name === "dialing") {
      t.perform({ type: "terminate", link: this.#link });
    }
    this.#state = { name: "idle" };
  }

  get #isConnected(): boolean {
    return this.#state.name === "up" || this.#state.name === "greeting";
  }

  #dial(t: AgentTransition): void {
    this.#link++;
    this.#state = { name: "dialing", until: t.now + connectTimeoutMs };
    t.perform({ type: "dial", link: this.#link });
  }

  #isUp(isExtended: boolean, t: AgentTransition): void {
    this.#state = { name: "up", since: t.now, isExtended };
    this.#probedAt = undefined;
    this.#statusAt = t.now + firstStatusMs;
    this.#heartbeat(t);
    const text = isExtended ? "connected" : "connected, by the standard alone";
    t.log("info", text);
  }

  /**
   * A ping goes with each heartbeat: a standard control plane need not respond to a heartbeat, but
   * its socket must respond to a ping.
   */
  #heartbeat(t: AgentTransition): void {
    this.#heartbeatAt = t.now + this.#heartbeatMs;
    const message = { type: "heartbeat", payload: {} } as const;
    t.send(this.#link, message);
    t.perform({ type: "ping", link: this.#link });
  }

  #silentAt(): number {
    if (this.#probedAt !== undefined) return this.#probedAt + pingAfterSilenceMs;
    return this.#lastHeard + this.#heartbeatMs * heartbeatsMissedMax;
  }

  #giveUp(reason: string, random: number, t: AgentTransition): void {
    t.perform({ type: "terminate", link: this.#link });
    this.closed(1006, reason, random, t);
  }
}
