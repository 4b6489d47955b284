/** Which effects of the agent wait for the writes before them. */
import type { AgentEffect } from "./core/model.ts";

/** Whether the effect must not happen if the writes before it failed. */
export function requiresCommit(effect: AgentEffect): boolean {
  if (["run", "restart", "confirmPersisted", "deleteRunDirectory"].includes(effect.type))
    return true;
  if (effect.type !== "send") return false;
  return effect.message.type === "response" || effect.message.type === "error";
}

/** Whether an effect may run before earlier writes are durable, because nothing relies on them. */
export function mayOvertake(effect: AgentEffect): boolean {
  if (effect.type === "send") return effect.message.type === "heartbeat";
  return ["ping", "readHostMetrics", "log"].includes(effect.type);
}
