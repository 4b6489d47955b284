/**
 * Buffers changes while the journal cannot be written, up to a limit, and applies them when it can.
 * Above the limit, agents are disconnected and keep their own responses.
 */
import type { ErrorMessage, Response } from "../../protocol/wire/message.ts";
import type { CancelFilter, ControlWrite, OpenJournal, Outcome } from "./model.ts";
import type { Dispatcher } from "./requests/dispatcher.ts";
import { OpenTimes } from "./requests/openTimes.ts";
import { isUnanswered } from "./requests/outcome.ts";
import type { ConnectedAgent, RequestQueries } from "./requests/requestTable.ts";
import type { ControlTransition } from "./transition.ts";

type AgentResponse = Response | ErrorMessage;

const bufferedMax = 10_000;

export class OutageBuffer {
  #outcomes: ({ outcome: Outcome } | { agentId: string; answer: AgentResponse })[] = [];
  /** By agent or token: one entry for each is enough. */
  readonly #cancels = new Map<string, CancelFilter>();

  /** By agent: its latest record or its deletion. There are never more entries than agents. */
  readonly #agentWrites = new Map<string, ControlWrite>();

  #times: OpenTimes | undefined;

  /** Why the journal cannot be written, if it is known. */
  reason: unknown;

  get size(): number {
    return this.#outcomes.length + this.#cancels.size;
  }

  /** Returns false if the buffer is full. */
  addResponse(agentId: string, answer: AgentResponse): boolean {
    if (this.#outcomes.length >= bufferedMax) return false;
    this.#outcomes.push({ agentId, answer });
    return true;
  }

  /** Adds an outcome whose commit failed. There are never more of these than open requests. */
  #addOutcome(outcome: Outcome): void {
    this.#outcomes.push({ outcome });
  }

  /**
   * Keeps what must not be lost of writes that failed, and the times of what is open. A request
   * whose agent did not respond stays open: its response may arrive before the journal can be
   * written.
   */
  begin(writes: readonly ControlWrite[], reason: unknown, open: RequestQueries | undefined): void {
    this.reason = reason;
    if (open !== undefined) this.#times = new OpenTimes(open);
    this.addAgentWrites(writes);
    for (const write of writes) {
      if (write.type === "putOutcome" && !isUnanswered(write.outcome)) {
        this.#addOutcome(write.outcome);
      }
    }
  }

  clockSet(byMs: number): void {
    this.#times?.shift(byMs);
  }

  /** Returns what was read from the journal, with times on the clock of now. */
  withTimes(open: OpenJournal): OpenJournal {
    const timed = this.#times?.applyTo(open) ?? open;
    this.#times = undefined;
    return timed;
  }

  /** Keeps the latest record of each agent among these writes and drops the rest. */
  addAgentWrites(writes: readonly ControlWrite[]): void {
    for (const write of writes) {
      if (write.type === "putAgent") this.#agentWrites.set(write.facts.agentId, write);
      if (write.type === "deleteAgent") this.#agentWrites.set(write.agentId, write);
    }
  }

  addCancel(filter: CancelFilter): void {
    const { agentId, createdBy } = filter;
    this.#cancels.set(JSON.stringify([agentId, createdBy]), filter);
  }

  /** Applies everything in the order of arrival. */
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
    for (const filter of this.#cancels.values()) dispatcher.cancelMatching(filter, t);
    this.#cancels.clear();
  }
}
