/**
 * The outbox: what becomes of answers. None leaves before it is on disk; each is sent again until
 * the control plane has it; one that could not be written is held, and said, until it can be.
 */
import { answerRepeatMs } from "../../protocol/limits.ts";
import type { Deadlines } from "../../time/deadlineQueue.ts";
import type { Answer } from "./model.ts";
import { type Entry, put } from "./requestEntry.ts";
import { messageOf } from "./response.ts";
import type { AgentTransition } from "./transition.ts";

/** The connection over which answers go. */
export interface Outlet {
  link: number;
  v1: boolean;
}

const unsavedRetryMs = 1_000;

export class Outbox {
  readonly #entries: Map<string, Entry>;
  readonly #deadlines: Deadlines<string>;
  outlet: Outlet | undefined;

  /** Shares the executor's requests and their deadlines. */
  constructor(entries: Map<string, Entry>, deadlines: Deadlines<string>) {
    this.#entries = entries;
    this.#deadlines = deadlines;
  }

  /** A connection is up: whatever the control plane may not have received is sent. */
  linked(outlet: Outlet, t: AgentTransition): void {
    if (this.outlet?.link === outlet.link) return;
    this.outlet = outlet;
    for (const entry of this.#entries.values()) {
      if (entry.record.state === "ended") this.publish(entry, t);
    }
  }

  /** Writes and sends an answer, however often it is sent. */
  publish(entry: Entry, t: AgentTransition): void {
    const { requestId, answer, since } = entry.record;
    t.write(put(entry));
    if (entry.isUnsaved) t.perform({ type: "saved", requestId });
    if (this.outlet === undefined || answer === undefined || entry.isAcknowledged) return;
    this.#deadlines.set(requestId, t.now + answerRepeatMs);
    this.say(requestId, answer, t, t.now - since);
  }

  /** Without a record: for what was never begun, and for repeats; `heldMs` since it was given. */
  say(requestId: string, answer: Answer, t: AgentTransition, heldMs = 0): void {
    if (this.outlet === undefined) return;
    const message = messageOf(requestId, answer, this.outlet.v1, heldMs);
    t.send(this.outlet.link, message);
  }

  /** An answer that was not acknowledged in time, or could not be written. */
  repeat(entry: Entry, t: AgentTransition): void {
    const { requestId, since } = entry.record;
    // A peer of the standard alone acknowledges nothing: the connection that took it still stands.
    const isTaken = t.now - since >= answerRepeatMs && this.outlet?.v1 === false;
    if (isTaken) this.settled(requestId, t);
    if (!isTaken || entry.isUnsaved) this.publish(entry, t);
  }

  /** The control plane has the answer, or wants none: it need not be sent again. */
  settled(requestId: string, t: AgentTransition): void {
    const entry = this.#entries.get(requestId);
    if (entry?.record.state !== "ended") return;
    if (entry.isUnsaved) {
      entry.isAcknowledged = true;
      return;
    }
    this.#entries.delete(requestId);
    this.#deadlines.delete(requestId);
    t.write({ type: "settled", requestId });
  }

  /** The journal would not take it: it is tried again soon. */
  notSaved(entry: Entry, now: number): void {
    entry.isUnsaved = true;
    this.#deadlines.set(entry.record.requestId, now + unsavedRetryMs);
  }

  /** An answer that had to be held is on disk now. */
  saved(requestId: string, t: AgentTransition): void {
    const entry = this.#entries.get(requestId);
    if (entry !== undefined) entry.isUnsaved = false;
    if (entry?.isAcknowledged) this.settled(requestId, t);
  }
}
