/**
 * A token for an agent, and the agent that it makes known, are two writes. Whoever died in between
 * left a token whose agent nobody can name: not to give it work, nor to revoke it.
 */
import type { Engine } from "../engine/engine.ts";

/** At every start, before anybody is served. */
export function registerMissingAgents(engine: Engine, now: number): void {
  for (const { agentId, labels } of engine.journal.tokens.withoutAgent(now)) {
    if (agentId === undefined) continue;
    engine.notify({
      type: "agentRegistered",
      agentId,
      ...(labels === undefined ? {} : { labels }),
    });
  }
}
