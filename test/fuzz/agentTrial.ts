/**
 * An agent's core that is sent the inputs over its connection, with a journal, commands that end at
 * once, and a judge: nothing runs twice, every message that cannot be taken is answered, and the
 * connection is given up only where the protocol has it so.
 */
import { check } from "../../lib/agent/commands/registry.ts";
import { AgentCore } from "../../lib/agent/core/core.ts";
import type { AgentEffect, AgentEvent, RequestRecord } from "../../lib/agent/core/model.ts";
import type { AgentTransition } from "../../lib/agent/core/transition.ts";
import { connectTimeoutMs } from "../../lib/protocol/limits.ts";
import { decodeFromAgent, decodeFromControl, encode } from "../../lib/protocol/wire/codec.ts";
import { isSame, isWritable } from "./verdict.ts";

/**
 * `greeted`: welcomed; `greeting`: waits for the welcome; `standard`: no subprotocol was agreed.
 */
export type Manner = "greeted" | "greeting" | "standard";

const welcome = {
  type: "welcome",
  payload: {
    ...{ protocol_version: 1, agent_id: "alpha", journal_id: "journal", epoch: 1 },
    ...{ heartbeat_seconds: 15, reconnect_seconds: 1 },
  },
} as const;

export class AgentTrial {
  now: number;
  readonly #core = new AgentCore({
    hello: { protocol_version: 1, version: "0.0.0", instance_id: "process" },
    heartbeatSeconds: 15,
    check,
    limits: { running: 16, waiting: 256, timeoutMs: 86_400_000 },
    self: { pid: 7, version: "0.0.0" },
  });
  readonly #manner: Manner;
  readonly #met: (what: string) => void;
  readonly #journal = new Map<string, RequestRecord>();
  readonly #runs = new Set<string>();
  #link = 0;
  /** Whether this connection goes by `wsctl.v1`; undefined until that is decided. */
  #isV1: boolean | undefined;
  #openedAt = 0;
  #sent: string[] = [];
  #ends: string[] = [];

  constructor(manner: Manner, now: number, met: (what: string) => void) {
    this.#manner = manner;
    this.#met = met;
    this.now = now;
    const identity = { journalId: "new", epoch: 0 };
    this.#step({ type: "started", identity, records: [], runs: [], random: 0.5 });
    this.#open();
  }

  pass(ms: number): void {
    this.now += ms;
    // Without a welcome in time the standard will do.
    if (this.now - this.#openedAt >= connectTimeoutMs) this.#isV1 ??= false;
    this.#tick();
    if (this.#ends.length > 0) throw new Error(`the ${this.#manner} one ends by time`);
    this.#sent = [];
  }

  /** The agent hears this text; says in short what it answered. */
  feed(text: string): string {
    const wasV1 = this.#isV1;
    const { message, refusal } = decodeFromControl(text, {
      isExtended: this.#manner !== "standard",
    });
    this.#hear(text);
    const seen = this.#sent.map(shown);
    this.#sent = [];
    if (refusal !== undefined) {
      const { code, requestId, text: words, answer } = refusal;
      this.#expect(seen, answer ? [`error ${requestId} ${code} ${words}`] : []);
    } else if (message.type === "command") {
      // Before the welcome nothing is said; what was done is told once it is there.
      const id = message.request_id;
      const isAnswer = seen.length === 1 && ["response", "error"].includes(kindOf(seen[0]));
      const isRight = wasV1 === undefined ? seen.length === 0 : isAnswer && seen[0]?.includes(id);
      if (!isRight) throw new Error(`command ${id} was answered by ${JSON.stringify(seen)}`);
    } else if (wasV1 !== undefined) {
      this.#expect(
        seen.filter((what) => what !== "hello"),
        [],
      );
    }
    const isLateWelcome = message?.type === "welcome" && wasV1 === false;
    this.#expect(this.#ends, isLateWelcome ? ["terminate"] : []);
    if (isLateWelcome) this.#met("a late welcome");
    this.#ends = [];
    if (isLateWelcome) this.#open();
    this.#sent = [];
    if (message?.type === "command" && this.#isV1) this.#repeat(text, message.request_id);
    this.#met(refusal ? "agent refuses" : `agent takes ${message.type}`);
    return seen.join(", ");
  }

  /** The answer is acknowledged, and the command comes again: it is answered, and not run. */
  #repeat(text: string, requestId: string): void {
    this.#hear(encode({ type: "ack", request_id: requestId, payload: {} }, this.now));
    this.#expect(this.collect(), []);
    this.#hear(text);
    const [answer = "", ...more] = this.collect().map(shown);
    const isAnswer = answer.includes(requestId) && more.length === 0;
    if (!isAnswer) throw new Error(`command ${requestId} came again: ${JSON.stringify(answer)}`);
    this.#met("a command came again");
  }

  /** The connection is lost and the agent returns by itself; it says these words. */
  reconnect(): string[] {
    this.#sent = [];
    this.#step({ type: "connectionClosed", link: this.#link, code: 1006, reason: "", random: 0.5 });
    const before = this.#link;
    for (let rounds = 0; this.#link === before; rounds++) {
      if (rounds > 1_000) throw new Error("the agent does not come back");
      this.now = Math.max(this.now, this.#core.next());
      this.#tick();
    }
    this.#isV1 = undefined;
    this.#openedAt = this.now;
    this.#step({ type: "connectionOpened", link: this.#link, isExtended: true });
    return this.collect();
  }

  /** Hears a text in an orderly exchange; says what it sends. */
  hear(text: string): string[] {
    this.#hear(text);
    return this.collect();
  }

  collect(): string[] {
    const sent = this.#sent;
    this.#sent = [];
    return sent;
  }

  #open(): void {
    this.#openedAt = this.now;
    this.#isV1 = this.#manner === "standard" ? false : undefined;
    this.#step({
      type: "connectionOpened",
      link: this.#link,
      isExtended: this.#manner !== "standard",
    });
    if (this.#manner === "greeted") this.#hear(encode(welcome, this.now));
    this.#sent = [];
  }

  #hear(text: string): void {
    const v1 = this.#manner !== "standard";
    const decoded = decodeFromControl(text, { isExtended: v1 });
    const { message } = decoded;
    const type = message?.type;
    // Decided before the step: what the agent says in it goes by the new manner already.
    if (this.#isV1 === undefined && type === "welcome") this.#isV1 = true;
    if (this.#isV1 === undefined && type === "error") this.#isV1 = false;
    const known = message?.type === "command" ? this.#journal.get(message.request_id) : undefined;
    this.#step({ type: "messageReceived", link: this.#link, decoded, ...(known ? { known } : {}) });
  }

  #tick(): void {
    if (this.now >= this.#core.next()) this.#step({ type: "tick", random: 0.5 });
  }

  #step(event: AgentEvent): void {
    const step: AgentTransition = this.#core.step(event, this.now);
    for (const write of step.writes) {
      if (!isWritable(write)) throw new Error("the journal was given what cannot be written");
      if (write.type === "putRequest")
        this.#journal.set(write.record.requestId, { ...write.record });
      if (write.type !== "markAcknowledged") continue;
      const record = this.#journal.get(write.requestId);
      if (record !== undefined) record.state = "acknowledged";
    }
    for (const effect of step.effects) this.#carryOut(effect);
  }

  #carryOut(effect: AgentEffect): void {
    switch (effect.type) {
      case "dial":
        this.#link = effect.link;
        return;
      case "send":
        return this.#send(effect);
      case "run": {
        const { requestId } = effect;
        if (this.#runs.has(requestId)) throw new Error(`${requestId} ran twice`);
        this.#runs.add(requestId);
        this.#met("agent runs");
        const result = { status: "success", message: "pong" } as const;
        return this.#step({ type: "commandFinished", requestId, result });
      }
      case "ping":
        return this.#step({ type: "pongReceived", link: effect.link });
      case "readHostMetrics":
        return this.#step({
          type: "hostMetricsRead",
          metrics: { cpuPercent: 1, memoryBytes: 1e9 },
        });
      case "close":
      case "terminate":
      case "restart":
        this.#ends.push(effect.type);
        return;
      default:
        return;
    }
  }

  /** Whatever is sent can be written, and is read on the other side as what it is. */
  #send({ message }: AgentEffect & { type: "send" }): void {
    const frame = encode(message, this.now);
    const read = decodeFromAgent(frame, { isExtended: this.#isV1 ?? true });
    if (read.message?.type !== message.type) throw new Error(`sent what cannot be read: ${frame}`);
    this.#sent.push(String(frame));
  }

  #expect(seen: string[], expected: string[]): void {
    if (isSame(seen, expected)) return;
    const told = `${JSON.stringify(seen)}, not ${JSON.stringify(expected)}`;
    throw new Error(`the ${this.#manner} agent answers ${told}`);
  }
}

function kindOf(what: string | undefined): string {
  return what?.split(" ", 1)[0] ?? "";
}

/** A sent message in short. */
function shown(text: string): string {
  const { type, request_id, payload } = JSON.parse(text);
  if (type === "error") return `error ${request_id} ${payload.code} ${payload.message}`;
  return type === "response" ? `response ${request_id} ${payload.status}` : type;
}
