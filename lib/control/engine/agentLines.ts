/**
 * Logs what the core says about agents, and tells others when one disconnects. When a network
 * fails, thousands do at once: their lines are limited.
 */

import type { Log } from "../../log/log.ts";
import { rateLimitedLog } from "../../log/rateLimitedLog.ts";
import { disconnectLinesMax } from "../../protocol/limits.ts";
import type { SocketClose } from "../../protocol/wire/closeCodes.ts";
import type { Clock } from "../../time/clock.ts";
import type { ControlEffect } from "../core/model.ts";

type OnDisconnect = (agentId: string, close: SocketClose) => void;

export class AgentLines {
  readonly #log: Log;
  readonly #disconnects: Log;
  readonly #listeners = new Set<OnDisconnect>();

  constructor(log: Log, clock: Clock) {
    const about = "agents that disconnected";
    this.#log = log;
    this.#disconnects = rateLimitedLog(log, clock, { about, linesMax: disconnectLinesMax });
  }

  /** Calls `listener` when an agent disconnects, until the returned function is called. */
  onDisconnect(listener: OnDisconnect): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  write({ level, agent, text, close }: ControlEffect & { type: "log" }): void {
    const line = `agent ${agent} ${text}`;
    if (close === undefined) return this.#log[level](line);
    const { code: close_code, reason } = close;
    this.#disconnects[level](line, { close_code, reason });
    for (const listener of this.#listeners) listener(agent, close);
  }
}
