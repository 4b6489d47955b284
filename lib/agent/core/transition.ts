/** What one event changes at the agent, with the effects that are used most as verbs. */
import { Transition } from "../../core/transition.ts";
import type { AgentDraft } from "../../protocol/wire/codec.ts";
import type { AgentEffect, AgentWrite } from "./model.ts";

export class AgentTransition extends Transition<AgentWrite, AgentEffect> {
  send(link: number, message: AgentDraft): void {
    this.perform({ type: "send", link, message });
  }

  log(level: "debug" | "info" | "warn", text: string): void {
    this.perform({ type: "log", level, text });
  }
}

/** What is left of a transition for whoever carries it out. */
export type AgentChanges = Pick<AgentTransition, "writes" | "effects">;
