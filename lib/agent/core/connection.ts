/**
 * The agent's link: one connection after another, for ever. A pure state machine that decides when
 * to dial, when to send a heartbeat, when a silent peer counts as gone, and when to come back.
 *
 * Connections are numbered: what an older one still says or does counts for nothing, so a socket
 * that never reports its end holds nothing up.
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
  /** What the agent says of itself, beside the name of its memory. */
  hello: Omit<Hello["payload"], "journal_id" | "epoch" | "capabilities_digest">;
  /** Heartbeats every so many seconds, unless the control plane advises another figure. */
  heartbeatSeconds: number;
}

type LinkPhase =
  | { name: "idle" }
  | { name: "waiting"; until: number }
  | { name: "dialing"; until: number }
  /** Connected to a `wsctl.v1` peer that has not welcomed us yet. */
  | { name: "greeting"; until: number }
  | { name: "up"; since: number; isExtended: boolean };

/** CPU use is a figure over time: a process that has just started has none yet. */
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
   * What must be added to this clock to get the control plane's, at the most: its answer may have
   * been written as soon as it was asked for, however long it took. So a command may be refused a
   * little before its time is up, and is never begun after it.
   */
  #clockOffsetMs = 0;
  #isStopping = false;

  constructor(options: ConnectionOptions) {
    this.#options = options;
    this.#heartbeatMs = options.heartbeatSeconds * 1000;
  }

  /** The number of the connection that is up, if one is. */
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

  /** Whether this is the newest connection or attempt, in whatever state. */
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

  /** Connected. A peer of `wsctl.v1` is greeted first; another is ready at once. */
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
    const { journalId: journal_id, epoch } = identity;
    const memory = { journal_id, epoch };
    const digest = catalogueDigest === undefined ? {} : { capabilities_digest: catalogueDigest };
    const payload = { ...this.#options.hello, ...memory, ...digest };
    const message = { type: "hello", payload } as const;
    t.send(this.#link, message);
  }

  /** The control plane's answer to `hello`, or later its changed advice. */
  welcome(message: Welcome, t: AgentTransition): void {
    const { heartbeat_seconds, reconnect_seconds } = message.payload;
    this.#spreadMs = reconnect_seconds * 1000;
    this.#heartbeatMs = heartbeat_seconds * 1000;
    if (this.#state.name === "greeting") {
      this.#clockOffsetMs = Date.parse(message.timestamp) - this.#greetedAt;
      return this.#isUp(true, t);
    }
    if (this.#state.name === "up" && !this.#state.isExtended) {
      // It does know our greeting, but took so long that its clock cannot be told: once more.
      t.perform({ type: "terminate", link: this.#link });
      return this.#dial(t);
    }
    this.#heartbeatAt = Math.min(this.#heartbeatAt, t.now + this.#heartbeatMs);
  }

  /**
   * A peer that agreed to any subprotocol, but does not know our greeting: the standard will do.
   */
  welcomeOverdue(t: AgentTransition): void {
    if (this.#state.name === "greeting") this.#isUp(false, t);
  }

  /** The control plane goes down in order and says when to return. */
  goaway(retryAfterMs: number): void {
    this.#retryAfterMs = retryAfterMs;
  }

  /** Any sign of life, a pong included. */
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

  /** The connection has ended, or an attempt has failed. */
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
      // What it sent may be waiting behind whatever kept this process from running in time.
      this.#probedAt = t.now;
      t.perform({ type: "ping", link: this.#link });
    }
    if (t.now >= this.#heartbeatAt) this.#heartbeat(t);
    if (t.now < this.#statusAt) return;
    this.#statusAt = t.now + this.#heartbeatMs * heartbeatsPerStatus;
    t.perform({ type: "readHostMetrics" });
  }

  /** Ends the connection for good. */
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
   * A ping beside each heartbeat: the standard's control plane need not answer, its socket must.
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
