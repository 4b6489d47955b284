/** Effects that must not happen when the writes before them did not. */
import type { ControlEffect } from "../core/model.ts";

export function needsJournal(effect: ControlEffect): boolean {
  if (effect.type !== "send") return effect.type === "accepted" || effect.type === "ended";
  return ["command", "ack", "welcome", "cancel"].includes(effect.message.type);
}
