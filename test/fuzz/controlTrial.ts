/**
 * A control plane's core that is sent the inputs over three connections (one greeted, one of the
 * standard alone, one that has not said hello), and judged after each by what `docs/protocol.md`
 * says must come of it.
 */
import { ControlCore } from "../../lib/control/core/core.ts";
import type { ControlEvent } from "../../lib/control/core/coreEvents.ts";
import type { ControlEffect } from "../../lib/control/core/model.ts";
import type { ControlChanges } from "../../lib/control/core/transition.ts";
import { protocolViolationsMax, protocolViolationsWindowMs } from "../../lib/protocol/limits.ts";
import {
  type DecodeError,
  decodeFromAgent,
  decodeFromControl,
  encode,
} from "../../lib/protocol/wire/codec.ts";
import type { ErrorMessage, Response } from "../../lib/protocol/wire/message.ts";
import { knownRequests } from "./valid.ts";
import { isSame, isWritable } from "./verdict.ts";

export const startMs = Date.UTC(2026, 0, 1);

/** What the judge keeps of a connection, by its own count. */
interface Line {
  sessionId: number;
  agentId: string;
  isExtended: boolean;
  isGreeted: boolean;
  openedAt: number;
  strikes: number;
  strikesSince: number;
}

const newHello = {
  type: "hello",
  payload: { protocol_version: 1, version: "0", journal_id: "new", epoch: 0, instance_id: "one" },
} as const;

export class ControlTrial {
  now = startMs;
  readonly #core = new ControlCore(
    { hasCapabilities: () => false, heartbeatSeconds: 15 },
    [],
    { jobs: [], requests: [] },
    startMs,
  );
  readonly #agentOf = new Map<string, string>();
  readonly #open = new Set<string>();
  readonly #outcomes = new Map<string, string>();
  readonly #lines = new Map<string, Line>();
  readonly #met: (what: string) => void;
  /** What each connection was sent and has not been collected. */
  readonly #sent = new Map<number, string[]>();
  #sessionIds = 0;

  constructor(met: (what: string) => void) {
    this.#met = met;
    for (const agentId of Object.keys(knownRequests)) this.connect(agentId);
    for (const [agentId, ids] of Object.entries(knownRequests)) {
      for (const requestId of ids) this.submit(requestId, agentId);
    }
  }

  /** The three agents' connections: alpha greets, beta knows no greeting, gamma keeps quiet. */
  connect(agentId: string, isExtended = agentId !== "beta", greets = agentId === "alpha"): number {
    const sessionId = ++this.#sessionIds;
    const session = {
      ...{ sessionId, agentId, isExtended, tokenId: `token of ${agentId}`, address: "127.0.0.1" },
      freshJournalId: `fresh-${sessionId}`,
    };
    const openedAt = this.now;
    const line = {
      sessionId,
      agentId,
      isExtended,
      openedAt,
      isGreeted: false,
      strikes: 0,
      strikesSince: 0,
    };
    this.#lines.set(agentId, line);
    this.#step({ type: "connectionOpened", session });
    if (greets) this.receive(sessionId, encode(newHello, this.now));
    return sessionId;
  }

  submit(requestId: string, agentId: string): void {
    const job = {
      ...{ jobId: `job of ${requestId}`, command: "ping", target: { agents: [agentId] } },
      ...{ timeoutMs: 30_000, ttlMs: 600_000, createdAt: this.now, createdBy: "operator" },
    };
    this.#step({ type: "jobSubmitted", job, requests: [{ requestId, agentId }] });
  }

  /** Time passes; whoever was closed by it comes back. */
  pass(ms: number): void {
    this.now += ms;
    for (
      let due = this.#core.next();
      due !== undefined && due <= this.now;
      due = this.#core.next()
    ) {
      for (const { sessionId } of closes(this.#step({ type: "tick" }))) {
        const line = this.#lineOf(sessionId);
        const isLate = line?.isExtended && !line.isGreeted && this.now - line.openedAt >= 10_000;
        if (line === undefined || !isLate) throw new Error(`${line?.agentId} was closed by time`);
        this.#met("closed without a hello");
        this.connect(line.agentId);
      }
    }
  }

  /** Sends the text over every connection; says in short what came of it. */
  feed(text: string): string {
    return [...this.#lines.values()].map((line) => this.#feedLine(line, text)).join(" ; ");
  }

  receive(sessionId: number, text: string): void {
    const line = this.#lineOf(sessionId);
    if (line !== undefined) this.#feedLine(line, text);
  }

  /** What this connection was sent since it was last asked. */
  collect(sessionId: number): string[] {
    const sent = this.#sent.get(sessionId) ?? [];
    this.#sent.delete(sessionId);
    return sent;
  }

  isOpen(requestId: string): boolean {
    return this.#open.has(requestId);
  }

  outcomeOf(requestId: string): string | undefined {
    return this.#outcomes.get(requestId);
  }

  #lineOf(sessionId: number): Line | undefined {
    for (const line of this.#lines.values()) if (line.sessionId === sessionId) return line;
    return undefined;
  }

  #feedLine(line: Line, text: string): string {
    const { message, refusal } = decodeFromAgent(text, { isExtended: line.isExtended });
    const expected = refusal ? this.#refused(line, refusal) : this.#expected(line, message);
    const step = this.#step({ type: "messageReceived", sessionId: line.sessionId, frame: text });
    const seen = step.effects.flatMap((effect) => shown(effect));
    const isAsExpected = isSame(seen, expected);
    if (!isAsExpected) {
      throw new Error(
        `${line.agentId} got ${JSON.stringify(seen)}, not ${JSON.stringify(expected)}`,
      );
    }
    if (message?.type === "status_update") {
      const agent = this.#core.registry.agent(line.agentId);
      if (agent.cpuUsage !== message.payload.cpu_usage) throw new Error("the figures are not kept");
    }
    if (expected.at(-1) === "close malformed") {
      const late = this.#step({ type: "messageReceived", sessionId: line.sessionId, frame: text });
      if (late.effects.length + late.writes.length > 0) throw new Error("an ended one was heard");
      this.connect(line.agentId);
    }
    for (const what of seen) this.#met(what.split(" ", 1)[0] === "error" ? "answered" : what);
    return seen.join(", ");
  }

  /** What must come of a message that was taken, in the words of `shown`. */
  #expected(line: Line, message: ReturnType<typeof decodeFromAgent>["message"]): string[] {
    switch (message?.type) {
      case "hello": {
        const text = "hello was already received on this connection";
        const refusal = { code: "MALFORMED", text, requestId: "unknown", answer: true } as const;
        if (line.isGreeted) return this.#refused(line, refusal);
        line.isGreeted = true;
        return ["welcome"];
      }
      case "response":
      case "error":
        return this.#expectedOfAnswer(line, message);
      default:
        return [];
    }
  }

  #expectedOfAnswer(line: Line, answer: Response | ErrorMessage): string[] {
    const requestId = answer.request_id ?? "unknown";
    const owner = this.#agentOf.get(answer.request_id ?? "");
    const isError = answer.type === "error";
    if (owner !== undefined && owner !== line.agentId) {
      const text = "Request was sent to another agent";
      const refusal = { code: "FORBIDDEN", text, requestId, answer: !isError } as const;
      return ["log", ...this.#refused(line, refusal)];
    }
    const ack = line.isExtended && answer.request_id !== undefined ? ["ack"] : [];
    if (this.#open.has(requestId)) return [`ended ${ending(answer, line.isExtended)}`, ...ack];
    if (owner !== undefined) return ack;
    if (isError) return [...ack, "log"];
    return [`error ${requestId} UNKNOWN_REQUEST Unknown request: it was not sent to this agent`];
  }

  /** Every refusal is answered, unless it is of an error; more than 20 within 10 s end it. */
  #refused(line: Line, { code, text, requestId, answer }: DecodeError): string[] {
    if (this.now - line.strikesSince > protocolViolationsWindowMs) {
      line.strikesSince = this.now;
      line.strikes = 0;
    }
    const end = ++line.strikes > protocolViolationsMax ? ["close malformed"] : [];
    return [...(answer ? [`error ${requestId} ${code} ${text}`] : []), ...end];
  }

  /** One step with everything that must hold of each; what is recalled is told at once. */
  #step(event: ControlEvent): ControlChanges {
    const step = this.#core.step(event, this.now);
    const all: ControlChanges = { writes: step.writes, effects: [] };
    for (const write of step.writes) {
      if (write.type === "putJob") {
        for (const { requestId, agentId } of write.requests) {
          this.#agentOf.set(requestId, agentId);
          this.#open.add(requestId);
        }
      } else if (write.type === "putOutcome") {
        if (!isWritable(write.outcome)) throw new Error("an outcome cannot be written");
        const { requestId, outcome } = write.outcome;
        if (!this.#open.delete(requestId)) throw new Error(`${requestId} ended twice`);
        this.#outcomes.set(requestId, outcome);
        this.#met(`outcome ${outcome}`);
        // Shown as an effect of its own: the product's says which job to look at.
        all.effects.push({ type: "log", level: "info", text: `ended ${outcome}`, agent: "" });
      }
    }
    for (const effect of step.effects) {
      if (effect.type === "send") this.#deliver(effect);
      if (effect.type !== "lookUpRequest") {
        all.effects.push(effect);
        continue;
      }
      const agentId = this.#agentOf.get(effect.answer.request_id ?? "");
      const known = agentId === undefined ? {} : { agentId };
      const { sessionId, answer } = effect;
      const told = this.#step({ type: "requestLookedUp", sessionId, answer, ...known });
      all.writes.push(...told.writes);
      all.effects.push(...told.effects);
    }
    return all;
  }

  /** Whatever is sent can be written, and is read on the other side as what it is. */
  #deliver({ sessionId, message }: ControlEffect & { type: "send" }): void {
    const line = this.#lineOf(sessionId);
    if (line === undefined) throw new Error(`sent to the ended session ${sessionId}`);
    const text = encode(message, this.now);
    const read = decodeFromControl(text, { isExtended: line.isExtended });
    if (read.message?.type !== message.type) throw new Error(`sent what cannot be read: ${text}`);
    this.#sent.set(sessionId, [...(this.#sent.get(sessionId) ?? []), text]);
  }
}

function closes(t: ControlChanges): { sessionId: number }[] {
  return t.effects.filter((effect) => effect.type === "close");
}

/** An effect in short; commands and what is only for the engine are left out. */
function shown(effect: ControlEffect): string[] {
  if (effect.type === "close") return [`close ${effect.name}`];
  if (effect.type === "log") return shownLog(effect.text);
  if (effect.type !== "send" || effect.message.type === "command") return [];
  const { message } = effect;
  if (message.type !== "error") return [message.type];
  return [`error ${message.request_id} ${message.payload.code} ${message.payload.message}`];
}

/** Which agents come and go is said at info, and is no answer. */
function shownLog(text: string): string[] {
  if (text.startsWith("connected") || text.startsWith("disconnected")) return [];
  return [text.startsWith("ended ") ? text : "log"];
}

/** The outcome that an answer stands for, as the protocol's page has it. */
function ending(answer: Response | ErrorMessage, isExtended: boolean): string {
  if (answer.type === "response") return answer.payload.status;
  if (answer.payload.code === "INTERRUPTED") return "lost";
  return answer.payload.code === "EXPIRED" && isExtended ? "expired" : "error";
}
