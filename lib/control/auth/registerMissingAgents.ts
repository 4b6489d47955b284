/**
 * Creating a token for an agent and registering the agent are two writes. After a crash between
 * them, a token exists whose agent is unknown, so that it cannot be targeted or revoked.
 */
import type { Engine } from "../engine/engine.ts";

/** Runs at every start, before the server accepts connections. */
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
