/**
 * A token for an agent, and the agent that it makes known, are two writes. Whoever died in between
 * left a token whose agent nobody can name: not to give it work, nor to revoke it.
 */
import type { Engine } from "./engine.ts";
import { isInForce } from "./tokens.ts";

/** At every start, before anybody is served. */
export function registerMissing(engine: Engine, now: number): void {
  const { agents } = engine.core.fleet;
  for (const token of engine.journal.tokens.all()) {
    const { role, agentId, labels } = token;
    if (role !== "agent" || agentId === undefined || !isInForce(token, now)) continue;
    if (agents.has(agentId)) continue;
    engine.tell({ type: "register", agentId, ...(labels === undefined ? {} : { labels }) });
  }
}
