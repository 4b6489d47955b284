/** Which of the agent's effects wait for the writes before them. */
import type { AgentEffect } from "./core/model.ts";

/** Effects that must not happen when the writes before them did not. */
export function requiresCommit(effect: AgentEffect): boolean {
  if (["run", "restart", "confirmPersisted", "deleteRunDirectory"].includes(effect.type))
    return true;
  if (effect.type !== "send") return false;
  return effect.message.type === "response" || effect.message.type === "error";
}
