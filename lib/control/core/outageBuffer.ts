/**
 * What became known while the journal could not be written: kept within a limit, and applied when
 * it can be written again. Past the limit agents are closed, and keep their own answers.
 */
import type { ErrorMessage, Response } from "../../protocol/wire/message.ts";
import type { CancelFilter, ControlWrite, Outcome } from "./model.ts";
import type { Dispatcher } from "./requests/dispatcher.ts";
import type { ConnectedAgent } from "./requests/requestTable.ts";
import type { ControlTransition } from "./transition.ts";

type AgentResponse = Response | ErrorMessage;

const bufferedMax = 10_000;

export class OutageBuffer {
  #outcomes: ({ outcome: Outcome } | { agentId: string; answer: AgentResponse })[] = [];
  /** By whom they are about: one for each is enough. */
  readonly #cancels = new Map<string, CancelFilter>();

  /** By agent: what is known of it, or that it was forgotten; never more than agents. */
  readonly #agentWrites = new Map<string, ControlWrite>();

  get size(): number {
    return this.#outcomes.length + this.#cancels.size;
  }

  /** False when there is no room for it. */
  addResponse(agentId: string, answer: AgentResponse): boolean {
    if (this.#outcomes.length >= bufferedMax) return false;
    this.#outcomes.push({ agentId, answer });
    return true;
  }

  /** An outcome whose commit failed: there are never more than open requests. */
  addOutcome(outcome: Outcome): void {
    this.#outcomes.push({ outcome });
  }

  /** Keeps the facts of agents among these writes, the latest of each, and drops the rest. */
  addAgentWrites(writes: readonly ControlWrite[]): void {
    for (const write of writes) {
      if (write.type === "putAgent") this.#agentWrites.set(write.facts.agentId, write);
      if (write.type === "deleteAgent") this.#agentWrites.set(write.agentId, write);
    }
  }

  addCancel(withdrawal: CancelFilter): void {
    const { agentId, createdBy } = withdrawal;
    this.#cancels.set(JSON.stringify([agentId, createdBy]), withdrawal);
  }

  /** Applies everything in the order in which it came. */
  release(
    dispatcher: Dispatcher,
    peerOf: (agentId: string) => ConnectedAgent,
    t: ControlTransition,
  ): void {
    const held = this.#outcomes;
    this.#outcomes = [];
    for (const write of this.#agentWrites.values()) t.write(write);
    this.#agentWrites.clear();
    for (const one of held) {
      if ("outcome" in one) dispatcher.restore(one.outcome, t);
      else dispatcher.responseReceived(peerOf(one.agentId), one.answer, t);
    }
    for (const withdrawal of this.#cancels.values()) dispatcher.cancelMatching(withdrawal, t);
    this.#cancels.clear();
  }
}
