/**
 * The outbox sends responses. A response is sent only after it is stored, and again until the
 * control plane acknowledges it. A response that cannot be stored stays in memory until it can.
 */
import { answerRepeatMs } from "../../protocol/limits.ts";
import type { DeadlineQueue } from "../../time/deadlineQueue.ts";
import type { RequestRecord, ResponseBody } from "./model.ts";
import { put, type RequestEntry, responseAge } from "./requestEntry.ts";
import { buildMessage, failure } from "./response.ts";
import type { AgentTransition } from "./transition.ts";

/** The connection over which responses are sent. */
export interface OutboxConnection {
  link: number;
  isExtended: boolean;
}

const unsavedRetryMs = 1_000;
/** Above this number of unacknowledged responses a standard peer is asked for a sign by a ping. */
const pingAbove = 100;

export class ResponseOutbox {
  readonly #entries: Map<string, RequestEntry>;
  readonly #deadlines: DeadlineQueue<string>;
  #connection: OutboxConnection | undefined;
  /** Pings of this connection whose pongs have not arrived. */
  #openPings = 0;
  /** Responses that went out before a ping, and the number of pongs until that ping's own. */
  #marked: { requestIds: string[]; pongsLeft: number } | undefined;

  /**
   * @param entries The executor's requests, shared with it.
   * @param deadlines The executor's deadlines, shared with it.
   */
  constructor(entries: Map<string, RequestEntry>, deadlines: DeadlineQueue<string>) {
    this.#entries = entries;
    this.#deadlines = deadlines;
  }

  get connection(): OutboxConnection | undefined {
    return this.#connection;
  }

  unlinked(): void {
    this.#connection = undefined;
    this.#openPings = 0;
    this.#marked = undefined;
  }

  pingSent(): void {
    this.#openPings++;
  }

  /** A peer that answers a ping has read what was sent before it (RFC 6455, section 5.5.2). */
  pongReceived(t: AgentTransition): void {
    if (this.#openPings === 0) return;
    this.#openPings--;
    const marked = this.#marked;
    if (marked === undefined || --marked.pongsLeft > 0) return;
    this.#marked = undefined;
    for (const requestId of marked.requestIds) {
      if (this.#entries.get(requestId)?.isUnsaved === false) this.acknowledged(requestId, t);
    }
  }

  /** Sends a ping behind many responses to a peer that sends no acknowledgements. */
  #pingIfMany(t: AgentTransition): void {
    const connection = this.#connection;
    const isDue = this.#entries.size > pingAbove && this.#marked === undefined;
    if (connection === undefined || connection.isExtended || !isDue) return;
    const requestIds = [...this.#entries.values()]
      .filter(({ record }) => record.state === "ended")
      .map(({ record }) => record.requestId);
    const earlier = t.effects.filter(({ type }) => type === "ping").length;
    this.#marked = { requestIds, pongsLeft: this.#openPings + earlier + 1 };
    t.perform({ type: "ping", link: connection.link });
  }

  /** The connection is up: sends every response that the control plane may not have. */
  linked(connection: OutboxConnection, t: AgentTransition): void {
    if (this.#connection?.link === connection.link) return;
    this.unlinked();
    this.#connection = connection;
    for (const entry of this.#entries.values()) {
      if (entry.record.state === "ended") this.respondDurably(entry, t);
    }
  }

  /** Stores and sends a response. */
  respondDurably(entry: RequestEntry, t: AgentTransition): void {
    const { requestId, answer } = entry.record;
    t.write(put(entry));
    if (entry.isUnsaved) t.perform({ type: "confirmPersisted", requestId });
    if (this.#connection === undefined || answer === undefined || entry.isAcknowledged) return;
    this.#deadlines.set(requestId, t.now + answerRepeatMs);
    this.respond(requestId, answer, t, responseAge(entry.record, t.now));
    this.#pingIfMany(t);
  }

  /** Responds to a repeated request that only the journal knows. */
  respondFromJournal(known: RequestRecord, t: AgentTransition): void {
    const interrupted = failure("INTERRUPTED", "it is not known how the command ended");
    this.respond(known.requestId, known.answer ?? interrupted, t, responseAge(known, t.now));
  }

  /**
   * Sends a response without storing it, for commands that never started and for repeats.
   * @param responseAgeMs Milliseconds since the command ended.
   */
  respond(requestId: string, answer: ResponseBody, t: AgentTransition, responseAgeMs = 0): void {
    if (this.#connection === undefined) return;
    const message = buildMessage(requestId, answer, this.#connection.isExtended, responseAgeMs);
    t.send(this.#connection.link, message);
  }

  /** Repeats a response that was not acknowledged in time, or that could not be stored. */
  repeat(entry: RequestEntry, t: AgentTransition): void {
    const { requestId, since } = entry.record;
    // A standard peer sends no acknowledgements. If the connection that sent the response has
    // lasted, the response counts as received.
    const isTaken = t.now - since >= answerRepeatMs && this.#connection?.isExtended === false;
    if (isTaken) this.acknowledged(requestId, t);
    if (!isTaken || entry.isUnsaved) this.respondDurably(entry, t);
  }

  /** The control plane has the response, or does not need it: it is not sent again. */
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

  /** The journal rejected the response: the write is repeated soon. */
  commitFailed(entry: RequestEntry, t: AgentTransition): void {
    const { requestId, answer } = entry.record;
    const isFirst = !entry.isUnsaved;
    entry.isUnsaved = true;
    this.#deadlines.set(requestId, t.now + unsavedRetryMs);
    if (entry.isRefused && isFirst && answer !== undefined) this.respond(requestId, answer, t);
  }

  /** A response that stayed in memory is stored now. */
  persisted(requestId: string, t: AgentTransition): void {
    const entry = this.#entries.get(requestId);
    if (entry !== undefined) entry.isUnsaved = false;
    if (entry?.isAcknowledged) this.acknowledged(requestId, t);
  }
}
