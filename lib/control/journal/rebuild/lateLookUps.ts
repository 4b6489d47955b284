/** Look-ups of requests that the index does not have yet, because it is being rebuilt. */
import type { ControlEffect } from "../../core/model.ts";
import type { ControlJournal } from "../journal.ts";

type LookUp = ControlEffect & { type: "lookUpRequest" };

/** An agent whose answer is not looked up sends it again when it reconnects. */
const waitingMax = 10_000;

export class LateLookUps {
  readonly #journal: ControlJournal;
  #waiting: LookUp[] = [];

  /** @param again called for each look-up that waited, when the index is complete */
  constructor(journal: ControlJournal, again: (lookUp: LookUp) => void) {
    this.#journal = journal;
    void journal.rebuild?.complete.then(() => {
      for (const each of this.#waiting.splice(0)) again(each);
    });
  }

  /** Finds the agent of a request. Returns false if that is known later: the look-up waits. */
  find(lookUp: LookUp): { agentId?: string } | false {
    const requestId = lookUp.answer.request_id ?? "";
    const { rebuild } = this.#journal;
    if (rebuild?.isRunning && !this.#journal.hasRequest(requestId)) {
      if (this.#waiting.length < waitingMax) this.#waiting.push(lookUp);
      return false;
    }
    const agentId = this.#journal.findAgent(requestId);
    return agentId === undefined ? {} : { agentId };
  }
}
