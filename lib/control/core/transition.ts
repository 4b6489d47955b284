/** What one event changes at the control plane, with the effects that are used most as verbs. */
import { Transition } from "../../core/transition.ts";
import type { ControlDraft } from "../../protocol/wire/codec.ts";
import type { ControlEffect, ControlWrite } from "./model.ts";

export class ControlTransition extends Transition<ControlWrite, ControlEffect> {
  send(sessionId: number, message: ControlDraft): void {
    this.perform({ type: "send", sessionId, message });
  }

  log(level: "info" | "warn", agent: string, text: string): void {
    this.perform({ type: "log", level, agent, text });
  }
}

/** What is left of a transition for whoever carries it out. */
export type ControlChanges = Pick<ControlTransition, "writes" | "effects">;
