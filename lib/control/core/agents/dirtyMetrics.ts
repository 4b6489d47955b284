/** Tracks which agents' metrics differ from those on disk. */
import type { StatusUpdate } from "../../../protocol/wire/message.ts";
import { parseCpuUsage, parseMemoryUsage } from "../../../protocol/wire/usageText.ts";
import { hourMs, MetricsHour } from "./metricsHour.ts";
import type { AgentState } from "./session.ts";

/** The number of hours of an agent that are kept in memory while the journal cannot be written. */
const unwrittenMax = 2;

export class DirtyMetrics {
  readonly #changed = new Set<AgentState>();

  /** Keeps the metrics that an agent has reported. */
  record(agent: AgentState, { payload }: StatusUpdate, now: number): void {
    const { cpu_usage, memory_usage } = payload;
    agent.cpuUsage = cpu_usage;
    agent.memoryUsage = memory_usage;
    const hour = this.#findHour(agent, now);
    hour.add(now, parseCpuUsage(cpu_usage) ?? 0, parseMemoryUsage(memory_usage) ?? 0);
  }

  /** Returns the hour of this moment and marks it as changed. */
  #findHour(agent: AgentState, now: number): MetricsHour {
    this.#changed.add(agent);
    const latest = agent.metrics?.at(-1);
    if (latest?.number === Math.floor(now / hourMs)) return latest;
    const hour = MetricsHour.parse(now);
    agent.metrics = [...(agent.metrics ?? []), hour].slice(-unwrittenMax);
    return hour;
  }

  /** Returns up to `limit` changed hours and marks them as written. */
  take(limit: number): { agentId: string; hour: MetricsHour }[] {
    const taken: { agentId: string; hour: MetricsHour }[] = [];
    for (const agent of this.#changed) {
      if (taken.length >= limit) break;
      this.#changed.delete(agent);
      for (const hour of agent.metrics ?? []) taken.push({ agentId: agent.record.agentId, hour });
      agent.metrics = agent.metrics?.slice(-1) ?? [];
    }
    return taken;
  }
}
