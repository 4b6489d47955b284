/** Which agents' figures are not on disk as they stand. Pure bookkeeping for the fleet. */
import { Hour, hourMs } from "./metricsHour.ts";
import type { Agent } from "./session.ts";

/** While nothing can be written, so many hours of an agent are held. */
const unwrittenMax = 2;

export class ChangedFigures {
  readonly #changed = new Set<Agent>();

  /** The hour of this moment, which is going to be changed. */
  hourOf(agent: Agent, now: number): Hour {
    this.#changed.add(agent);
    const latest = agent.figures?.at(-1);
    if (latest?.number === Math.floor(now / hourMs)) return latest;
    const hour = Hour.of(now);
    agent.figures = [...(agent.figures ?? []), hour].slice(-unwrittenMax);
    return hour;
  }

  /** At most so many; they count as written. */
  take(limit: number): { agentId: string; hour: Hour }[] {
    const taken: { agentId: string; hour: Hour }[] = [];
    for (const agent of this.#changed) {
      if (taken.length >= limit) break;
      this.#changed.delete(agent);
      for (const hour of agent.figures ?? []) taken.push({ agentId: agent.facts.agentId, hour });
      agent.figures = agent.figures?.slice(-1) ?? [];
    }
    return taken;
  }
}
