/**
 * Logs the events of the log, and the actions of its audit trail, as lines for a log collector.
 * Their names and fields are stable: `docs/reference/log-events.md`.
 */
import { FaultSeries } from "../../log/faultSeries.ts";
import type { Log, LogFields } from "../../log/log.ts";
import { rateLimitedLog } from "../../log/rateLimitedLog.ts";
import type { AuditDetails } from "../../protocol/api/audit.ts";
import { errorText } from "../../protocol/errors.ts";
import type { JsonObject } from "../../protocol/json.ts";
import { disconnectLinesMax } from "../../protocol/limits.ts";
import { parseTraceparent } from "../../protocol/traceparent.ts";
import type { Clock } from "../../time/clock.ts";
import type { Engine } from "../engine/engine.ts";
import { type ControlEntry, parseEntry } from "../journal/entries.ts";
import type { EventLog } from "./eventLog.ts";
import { toEvents } from "./toEvents.ts";

/** Entries that are read before other work runs. */
const entriesMax = 200;
const retryMs = 1_000;

const disconnected = "agent.disconnected";

export interface EventLinesOptions {
  engine: Engine;
  events: EventLog;
  clock: Pick<Clock, "now" | "after" | "defer">;
  log: Log;
}

export class EventLines {
  readonly #options: EventLinesOptions;
  readonly #faults: FaultSeries;
  #read: number;
  readonly #disconnects: Log;
  /** Disconnects whose lines wait for those of the log. */
  #ended: LogFields[] = [];
  #isWaiting = true;
  #forget = () => {};
  #cancel = () => {};

  constructor(options: EventLinesOptions) {
    this.#options = options;
    this.#faults = new FaultSeries(options.log, options.clock, "events logged again");
    this.#read = options.events.head;
    this.#disconnects = rateLimitedLog(options.log, options.clock, {
      about: "agents that disconnected",
      linesMax: disconnectLinesMax,
      summary: (count) => ({ event: disconnected, count }),
    });
  }

  start(): void {
    const { events, engine } = this.#options;
    const forgetNew = events.onNew(() => this.#ring());
    // A disconnect is no entry of the log, but its line follows that of the connection, which is one.
    const forgetDisconnects = engine.agentLines.onDisconnect((agent_id, close) => {
      this.#ended.push({ agent_id, close_code: close.code, reason: close.reason });
      if (this.#ended.length > disconnectLinesMax) this.#logDisconnects();
      this.#ring();
    });
    this.#forget = () => {
      forgetNew();
      forgetDisconnects();
    };
    this.#ring();
  }

  close(): void {
    this.#forget();
    this.#cancel();
    // The entries of the shutdown.
    this.#follow();
    this.#isWaiting = false;
    this.#cancel();
    this.#faults.close();
  }

  #ring(): void {
    if (!this.#isWaiting) return;
    this.#isWaiting = false;
    this.#options.clock.defer(() => this.#follow());
  }

  #follow(): void {
    this.#isWaiting = true;
    try {
      const isMore = this.#readSome();
      this.#faults.succeeded();
      if (isMore) this.#ring();
      else this.#logDisconnects();
    } catch (error) {
      this.#faults.failed(`Cannot log events: ${errorText(error)}`);
      this.#cancel = this.#options.clock.after(retryMs, () => this.#ring());
    }
  }

  #logDisconnects(): void {
    const ended = this.#ended;
    this.#ended = [];
    for (const fields of ended) {
      this.#disconnects.info("agent disconnected", { event: disconnected, ...fields });
    }
  }

  /** Returns whether there are further entries. */
  #readSome(): boolean {
    const { events, engine } = this.#options;
    let count = 0;
    engine.journal.audit.scan(this.#read, ({ sequence, line }) => {
      this.#log(sequence, parseEntry(line));
      this.#read = sequence;
      return ++count < entriesMax;
    });
    return count > 0 && this.#read < events.head;
  }

  #log(sequence: number, entry: ControlEntry): void {
    const { engine, log } = this.#options;
    for (const { type, data } of toEvents(sequence, entry, engine.journal)) {
      // A message may have the output of a program.
      const { message: _left, ...facts } = data;
      this.#line(type, { ...facts, ...this.#trace(facts.job_id) });
    }
    if (entry.type !== "action_recorded" || entry.details.outcome === "started") return;
    const { action, outcome } = entry.details;
    if (action === "agent.connect" && outcome === "accepted") return;
    const name = outcome === "refused" ? "action.refused" : "action.accepted";
    const fields = toFields(describe(entry.details));
    log[outcome === "refused" ? "warn" : "info"](name.replace(".", " "), {
      event: name,
      ...fields,
    });
  }

  #line(event: string, data: JsonObject): void {
    this.#options.log.info(event.replace(".", " "), { event, ...toFields(data) });
  }

  #trace(jobId: unknown): { trace_id?: string } {
    if (typeof jobId !== "string") return {};
    const traceparent = this.#options.engine.journal.job(jobId)?.traceparent;
    const position = traceparent === undefined ? undefined : parseTraceparent(traceparent);
    return position === undefined ? {} : { trace_id: position.traceId };
  }
}

function describe({ action, actor, actor_name, role, address, code, resource }: AuditDetails) {
  return { ...resource, action, actor, actor_name, actor_role: role, address, code };
}

/** Fields of a line are texts and numbers; lists are left to the audit trail. */
function toFields(data: object): LogFields {
  const plain = Object.entries(data).filter(([, value]) => /^(string|number)$/.test(typeof value));
  return Object.fromEntries(plain) as LogFields;
}
