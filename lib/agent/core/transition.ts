/** The changes that one event causes at the agent, with methods for the most frequent effects. */
import { Transition } from "../../core/transition.ts";
import type { AgentDraft } from "../../protocol/wire/codec.ts";
import type { AgentEffect, AgentWrite } from "./model.ts";

export class AgentTransition extends Transition<AgentWrite, AgentEffect> {
  /** By how much the system's clock is ahead of the engine's, in milliseconds. */
  readonly wallAheadMs: number;

  constructor(now: number, wallAheadMs = 0) {
    super(now);
    this.wallAheadMs = wallAheadMs;
  }

  send(link: number, message: AgentDraft): void {
    this.perform({ type: "send", link, message });
  }

  log(level: "debug" | "info" | "warn" | "error", text: string): void {
    this.perform({ type: "log", level, text });
  }
}
