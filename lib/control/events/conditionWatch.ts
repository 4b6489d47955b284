/**
 * Notices conditions that no entry of the log tells: an agent that is offline for long, and a disk
 * that becomes full. It records them, so that they are events like all others.
 */
import { statfsSync } from "node:fs";
import { FaultGuard } from "../../log/faultGuard.ts";
import type { Log } from "../../log/log.ts";
import { timestamp } from "../../protocol/timestamp.ts";
import type { Clock } from "../../time/clock.ts";
import type { Engine } from "../engine/engine.ts";

export interface ConditionWatchOptions {
  engine: Engine;
  dataDir: string;
  /** How long an agent is offline before that is an event, in milliseconds. */
  offlineMs: number;
  clock: Clock;
  log: Log;
}

const lookMs = 10_000;
/** The disk is low below this share of free space, and no longer low above the second one. */
const lowShare = 0.1;
const calmShare = 0.12;

export class ConditionWatch {
  readonly #options: ConditionWatchOptions;
  readonly #guard: FaultGuard;
  /** Agents whose absence was recorded. */
  readonly #offline: Set<string>;
  readonly #startedAt: number;
  #isLow = false;
  #cancel = () => {};

  constructor(options: ConditionWatchOptions) {
    this.#options = options;
    this.#guard = new FaultGuard(options.log);
    this.#startedAt = options.clock.now();
    this.#offline = new Set(this.#offlineBefore());
  }

  start(): void {
    this.#cancel = this.#options.clock.after(lookMs, () => {
      this.#guard.attempt("notice offline agents", () => this.#lookAtAgents());
      this.#guard.attempt("notice a full disk", () => this.#lookAtDisk());
      this.start();
    });
  }

  close(): void {
    this.#cancel();
  }

  #lookAtAgents(): void {
    const { engine, offlineMs, clock } = this.#options;
    const { agents } = engine.core.registry;
    for (const agentId of this.#offline) {
      const agent = agents.get(agentId);
      if (agent === undefined || agent.session !== undefined) this.#offline.delete(agentId);
    }
    for (const [agent_id, { session, record }] of agents) {
      const { lastSeenAt } = record;
      if (session !== undefined || lastSeenAt === undefined || this.#offline.has(agent_id))
        continue;
      // Until this process started, no agent could be seen.
      const offlineForMs = Math.min(engine.time.now() - lastSeenAt, clock.now() - this.#startedAt);
      if (offlineForMs < offlineMs) continue;
      this.#offline.add(agent_id);
      const data = { agent_id, last_seen_at: timestamp(lastSeenAt) };
      engine.journal.recorder.record({ type: "event_recorded", event: "agent.offline", data });
    }
  }

  /**
   * Returns the agents that were offline for long when the earlier process ended, which was about
   * when the last agent was seen: their absence is recorded.
   */
  #offlineBefore(): string[] {
    const { engine, offlineMs } = this.#options;
    const seen = [...engine.core.registry.agents].flatMap(([agentId, { record }]) => {
      return record.lastSeenAt === undefined ? [] : [{ agentId, at: record.lastSeenAt }];
    });
    const endedAt = seen.reduce((latest, { at }) => Math.max(latest, at), 0);
    return seen.filter(({ at }) => at < endedAt - offlineMs).map(({ agentId }) => agentId);
  }

  #lookAtDisk(): void {
    const { engine, dataDir } = this.#options;
    const { bavail, blocks, bsize } = statfsSync(dataDir);
    const share = bavail / blocks;
    if (share > calmShare) this.#isLow = false;
    if (share > lowShare || this.#isLow) return;
    this.#isLow = true;
    const data = { free_bytes: bavail * bsize, free_percent: Math.round(share * 100) };
    engine.journal.recorder.record({ type: "event_recorded", event: "disk.low", data });
  }
}
