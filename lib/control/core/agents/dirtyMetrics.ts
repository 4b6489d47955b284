/** Which agents' metrics are not on disk as they stand. Pure bookkeeping for the fleet. */
import { hourMs, MetricsHour } from "./metricsHour.ts";
import type { AgentState } from "./session.ts";

/** While nothing can be written, so many hours of an agent are held. */
const unwrittenMax = 2;

export class DirtyMetrics {
  readonly #changed = new Set<AgentState>();

  /** The hour of this moment, which is going to be changed. */
  findHour(agent: AgentState, now: number): MetricsHour {
    this.#changed.add(agent);
    const latest = agent.metrics?.at(-1);
    if (latest?.number === Math.floor(now / hourMs)) return latest;
    const hour = MetricsHour.parse(now);
    agent.metrics = [...(agent.metrics ?? []), hour].slice(-unwrittenMax);
    return hour;
  }

  /** At most so many; they count as written. */
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
