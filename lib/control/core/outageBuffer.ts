/**
 * What became known while the journal could not be written: kept within a limit, and applied when
 * it can be written again. Past the limit agents are closed, and keep their own answers.
 */
import type { ErrorMessage, Response } from "../../protocol/wire/message.ts";
import type { ControlWrite, Outcome, Withdrawal } from "./model.ts";
import type { Dispatcher } from "./requests/dispatcher.ts";
import type { Peer } from "./requests/requestTable.ts";
import type { ControlTransition } from "./transition.ts";

type Answer = Response | ErrorMessage;

const heldMax = 10_000;

export class Held {
  #held: ({ outcome: Outcome } | { agentId: string; answer: Answer })[] = [];
  /** By whom they are about: one for each is enough. */
  readonly #withdrawals = new Map<string, Withdrawal>();

  /** By agent: what is known of it, or that it was forgotten; never more than agents. */
  readonly #facts = new Map<string, ControlWrite>();

  get size(): number {
    return this.#held.length + this.#withdrawals.size;
  }

  /** False when there is no room for it. */
  holdAnswer(agentId: string, answer: Answer): boolean {
    if (this.#held.length >= heldMax) return false;
    this.#held.push({ agentId, answer });
    return true;
  }

  /** An outcome whose commit failed: there are never more than open requests. */
  holdOutcome(outcome: Outcome): void {
    this.#held.push({ outcome });
  }

  /** Keeps the facts of agents among these writes, the latest of each, and drops the rest. */
  holdFacts(writes: readonly ControlWrite[]): void {
    for (const write of writes) {
      if (write.type === "agent") this.#facts.set(write.facts.agentId, write);
      if (write.type === "forgotten") this.#facts.set(write.agentId, write);
    }
  }

  holdWithdrawal(withdrawal: Withdrawal): void {
    const { agentId, createdBy } = withdrawal;
    this.#withdrawals.set(JSON.stringify([agentId, createdBy]), withdrawal);
  }

  /** Applies everything in the order in which it came. */
  release(dispatcher: Dispatcher, peerOf: (agentId: string) => Peer, t: ControlTransition): void {
    const held = this.#held;
    this.#held = [];
    for (const write of this.#facts.values()) t.write(write);
    this.#facts.clear();
    for (const one of held) {
      if ("outcome" in one) dispatcher.restore(one.outcome, t);
      else dispatcher.answer(peerOf(one.agentId), one.answer, t);
    }
    for (const withdrawal of this.#withdrawals.values()) dispatcher.withdraw(withdrawal, t);
    this.#withdrawals.clear();
  }
}
