/**
 * The outbox: what becomes of answers. None leaves before it is on disk; each is sent again until
 * the control plane has it; one that could not be written is held, and said, until it can be.
 */
import { answerRepeatMs } from "../../protocol/limits.ts";
import type { DeadlineQueue } from "../../time/deadlineQueue.ts";
import type { ResponseBody } from "./model.ts";
import { put, type RequestEntry } from "./requestEntry.ts";
import { buildMessage } from "./response.ts";
import type { AgentTransition } from "./transition.ts";

/** The connection over which answers go. */
export interface OutboxConnection {
  link: number;
  isExtended: boolean;
}

const unsavedRetryMs = 1_000;

export class ResponseOutbox {
  readonly #entries: Map<string, RequestEntry>;
  readonly #deadlines: DeadlineQueue<string>;
  connection: OutboxConnection | undefined;

  /** Shares the executor's requests and their deadlines. */
  constructor(entries: Map<string, RequestEntry>, deadlines: DeadlineQueue<string>) {
    this.#entries = entries;
    this.#deadlines = deadlines;
  }

  /** A connection is up: whatever the control plane may not have received is sent. */
  linked(connection: OutboxConnection, t: AgentTransition): void {
    if (this.connection?.link === connection.link) return;
    this.connection = connection;
    for (const entry of this.#entries.values()) {
      if (entry.record.state === "ended") this.respondDurably(entry, t);
    }
  }

  /** Writes and sends an answer, however often it is sent. */
  respondDurably(entry: RequestEntry, t: AgentTransition): void {
    const { requestId, answer, since } = entry.record;
    t.write(put(entry));
    if (entry.isUnsaved) t.perform({ type: "confirmPersisted", requestId });
    if (this.connection === undefined || answer === undefined || entry.isAcknowledged) return;
    this.#deadlines.set(requestId, t.now + answerRepeatMs);
    this.respond(requestId, answer, t, t.now - since);
  }

  /** Without a record: for what was never begun, and for repeats; `heldMs` since it was given. */
  respond(requestId: string, answer: ResponseBody, t: AgentTransition, responseAgeMs = 0): void {
    if (this.connection === undefined) return;
    const message = buildMessage(requestId, answer, this.connection.isExtended, responseAgeMs);
    t.send(this.connection.link, message);
  }

  /** An answer that was not acknowledged in time, or could not be written. */
  repeat(entry: RequestEntry, t: AgentTransition): void {
    const { requestId, since } = entry.record;
    // A peer of the standard alone acknowledges nothing: the connection that took it still stands.
    const isTaken = t.now - since >= answerRepeatMs && this.connection?.isExtended === false;
    if (isTaken) this.acknowledged(requestId, t);
    if (!isTaken || entry.isUnsaved) this.respondDurably(entry, t);
  }

  /** The control plane has the answer, or wants none: it need not be sent again. */
  acknowledged(requestId: string, t: AgentTransition): void {
    const entry = this.#entries.get(requestId);
    if (entry?.record.state !== "ended") return;
    if (entry.isUnsaved) {
      entry.isAcknowledged = true;
      return;
    }
    this.#entries.delete(requestId);
    this.#deadlines.delete(requestId);
    t.write({ type: "markAcknowledged", requestId });
  }

  /** The journal would not take it: it is tried again soon. */
  commitFailed(entry: RequestEntry, now: number): void {
    entry.isUnsaved = true;
    this.#deadlines.set(entry.record.requestId, now + unsavedRetryMs);
  }

  /** An answer that had to be held is on disk now. */
  persisted(requestId: string, t: AgentTransition): void {
    const entry = this.#entries.get(requestId);
    if (entry !== undefined) entry.isUnsaved = false;
    if (entry?.isAcknowledged) this.acknowledged(requestId, t);
  }
}
