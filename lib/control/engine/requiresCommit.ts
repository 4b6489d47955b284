/** Effects that must not happen if the writes before them failed. */
import type { ControlEffect } from "../core/model.ts";

export function requiresCommit(effect: ControlEffect): boolean {
  if (effect.type !== "send")
    return effect.type === "acceptJob" || effect.type === "publishOutcome";
  return ["command", "ack", "welcome", "cancel"].includes(effect.message.type);
}

/**
 * Whether an effect may run before earlier writes are durable, because nothing relies on them. The
 * line about the end of a connection follows that about its beginning, which is in the log.
 */
export function mayOvertake(effect: ControlEffect): boolean {
  return effect.type === "terminate" || (effect.type === "log" && effect.close === undefined);
}
