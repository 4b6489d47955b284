/**
 * The agent's core: one event in, one step out. It joins the link (when to be connected) and the
 * executor (what becomes of commands), and holds neither socket, timer, journal nor clock.
 */
import { closeCodes } from "../../protocol/wire/closeCodes.ts";
import { decodeFromControl } from "../../protocol/wire/codec.ts";
import type { Command, ControlMessage, Follow, Welcome } from "../../protocol/wire/message.ts";
import type { ExecutorOptions } from "./admission.ts";
import { Announcement } from "./capabilityAnnouncer.ts";
import { Link, type LinkOptions } from "./connection.ts";
import { Executor } from "./executor.ts";
import type { AgentEvent, AgentStep, Identity, OutputPiece } from "./model.ts";

export interface AgentCoreOptions extends LinkOptions, ExecutorOptions {
  /** Warned about when the token makes this agent somebody else. */
  agentId?: string;
}

const pruneEveryMs = 60 * 60 * 1000;

export class AgentCore {
  readonly #options: AgentCoreOptions;
  readonly #link: Link;
  readonly #executor: Executor;
  readonly #announcement = new Announcement();
  #pruneAt = 0;
  #isV1 = false;
  #identity: Identity = { journalId: "", epoch: 0 };
  #isStopping = false;

  constructor(options: AgentCoreOptions) {
    this.#options = options;
    this.#link = new Link(options);
    this.#executor = new Executor(options);
  }

  /** When a `tick` is due. */
  next(): number {
    return Math.min(
      this.#pruneAt,
      this.#link.next() ?? Number.POSITIVE_INFINITY,
      this.#executor.next() ?? Number.POSITIVE_INFINITY,
    );
  }

  /** Whether it was told to stop and has nothing left to do. */
  get isStopped(): boolean {
    return this.#isStopping && !this.#executor.isBusy;
  }

  get isLinked(): boolean {
    return this.#link.up !== undefined;
  }

  get sizes() {
    return this.#executor.sizes;
  }

  step(event: AgentEvent, now: number): AgentStep {
    const step: AgentStep = { writes: [], effects: [] };
    this.#take(event, now, step);
    return step;
  }

  #take(event: AgentEvent, now: number, step: AgentStep): void {
    switch (event.type) {
      case "started":
        this.#identity = event.identity;
        this.#prune(now, step);
        this.#executor.recover(event.records, now, step);
        return this.#link.start(step, now);
      case "opened":
        if (!this.#link.isLatest(event.link)) return;
        this.#isV1 = event.v1;
        this.#link.opened(event.v1, this.#identity, this.#announcement.digest, now, step);
        return this.#linkedIfUp(now, step);
      case "received":
        if (this.#link.isCurrent(event.link)) this.#received(event.text, event.link, now, step);
        return;
      case "received_binary":
        return this.#binary(event.link, step);
      case "pong":
        if (this.#link.isCurrent(event.link)) this.#link.heard(now);
        return;
      case "closed":
        return this.#closed(event, now, step);
      case "recalled":
        return this.#command(event, now, step);
      case "finished":
        this.#executor.finished(event.requestId, event.result, now, step);
        return this.#stopIfDone(step);
      case "saved":
        return this.#executor.saved(event.requestId, step);
      case "cancelled":
        return this.#executor.cancel(event.requestId, now, step);
      case "asked":
        return this.#follow(event.follow, step);
      case "measured":
        return this.#link.measured(event.figures, step);
      case "catalogue":
        return this.#announcement.looked(event, this.#link.up, step);
      case "output":
        return this.#output(event.piece, step);
      case "save_failed":
        this.#executor.saveFailed(event.writes, now, step);
        return this.#stopIfDone(step);
      case "tick":
        return this.#tick(event.random, now, step);
      case "stop":
        this.#isStopping = true;
        this.#executor.stop();
        return this.#stopIfDone(step);
      default:
        return event satisfies never;
    }
  }

  #received(text: string, link: number, now: number, step: AgentStep): void {
    this.#link.heard(now);
    const { message, refusal } = decodeFromControl(text, { v1: this.#isV1 });
    if (refusal === undefined) return this.#message(message, link, now, step);
    const { code, requestId, text: reason } = refusal;
    step.effects.push({ type: "log", level: "warn", text: `refused a message: ${reason}` });
    if (!refusal.answer) return;
    const payload = { code, message: reason };
    const error = { type: "error", request_id: requestId, payload } as const;
    step.effects.push({ type: "send", link, message: error });
  }

  #message(message: ControlMessage, link: number, now: number, step: AgentStep): void {
    switch (message.type) {
      case "command":
        step.effects.push({ type: "recall", link, command: message });
        return;
      case "welcome":
        this.#link.welcome(message, now, step);
        this.#warnOfName(message.payload.agent_id, step);
        this.#identify(message, step);
        if (message.payload.catalogue_wanted) this.#announcement.wanted(step);
        if (this.#link.up === undefined) this.#unlinked(step);
        return this.#linkedIfUp(now, step);
      case "ack":
        return this.#executor.settled(message.request_id, step);
      case "cancel":
        step.effects.push({ type: "cancel", requestId: message.request_id });
        return;
      case "follow":
        step.effects.push({ type: "asked", follow: message });
        return;
      case "goaway":
        return this.#link.goaway(message.payload.retry_after_seconds * 1000);
      case "error": {
        const { code, message: reason } = message.payload;
        this.#link.notGreeted(now, step);
        this.#linkedIfUp(now, step);
        const text = `the control plane reports ${JSON.stringify(code)}: ${JSON.stringify(reason)}`;
        step.effects.push({ type: "log", level: "warn", text });
        if (message.request_id !== undefined) this.#executor.settled(message.request_id, step);
        return;
      }
      default:
        return message satisfies never;
    }
  }

  #command(event: AgentEvent & { type: "recalled" }, now: number, step: AgentStep): void {
    if (!this.#link.isCurrent(event.link)) return;
    const { command, known } = event;
    this.#executor.command(command, known, this.#expiresAt(command), now, step);
  }

  /** A command's expiry is on the control plane's clock; here it is wanted on this one. */
  #expiresAt(command: Command): number | undefined {
    const { expires_at } = command.payload;
    return expires_at === undefined ? undefined : Date.parse(expires_at) - this.#link.clockOffsetMs;
  }

  #follow({ request_id: requestId, payload }: Follow, step: AgentStep): void {
    const { watcher, after, end, ...wanted } = payload;
    if (end) return void step.effects.push({ type: "unfollow", left: { requestId, watcher } });
    const output = this.#executor.outputOf(requestId);
    if (output === "none") {
      return this.#output({ requestId, watcher, sequence: after, end: true }, step);
    }
    const order = { requestId, watcher, after, ...wanted, isPending: output === "open" };
    step.effects.push({ type: "follow", order });
  }

  #output({ requestId, ...payload }: OutputPiece, step: AgentStep): void {
    const { up } = this.#link;
    if (!up?.v1) return;
    const message = { type: "output", request_id: requestId, payload } as const;
    step.effects.push({ type: "send", link: up.link, message });
  }

  #binary(link: number, step: AgentStep): void {
    if (!this.#link.isCurrent(link)) return;
    const { code, meaning: reason } = closeCodes.textOnly;
    step.effects.push({ type: "close", link, code, reason });
  }

  #closed(event: AgentEvent & { type: "closed" }, now: number, step: AgentStep): void {
    if (!this.#link.isLatest(event.link)) return;
    this.#unlinked(step);
    this.#link.closed(event.code, event.reason, event.random, now, step);
  }

  #tick(random: number, now: number, step: AgentStep): void {
    const wasUp = this.#link.up !== undefined;
    this.#link.tick(random, now, step);
    this.#linkedIfUp(now, step);
    if (wasUp && this.#link.up === undefined) this.#unlinked(step);
    this.#executor.tick(now, step);
    if (now >= this.#pruneAt) this.#prune(now, step);
    this.#stopIfDone(step);
  }

  #unlinked(step: AgentStep): void {
    this.#executor.unlinked();
    step.effects.push({ type: "unfollow" });
  }

  #linkedIfUp(now: number, step: AgentStep): void {
    const outlet = this.#link.up;
    if (outlet !== undefined) this.#executor.linked(outlet, now, step);
  }

  #stopIfDone(step: AgentStep): void {
    if (this.#isStopping && !this.#executor.isBusy) this.#link.stop(step);
  }

  /** On disk before, or together with, any request that is received under it. */
  #identify(message: Welcome, step: AgentStep): void {
    const { journal_id: journalId, epoch } = message.payload;
    if (this.#identity.journalId === journalId && this.#identity.epoch === epoch) return;
    this.#identity = { journalId, epoch };
    step.writes.push({ type: "identity", identity: this.#identity });
  }

  #warnOfName(agentId: string, step: AgentStep): void {
    const { agentId: wanted } = this.#options;
    if (wanted === undefined || wanted === agentId) return;
    const text = `the token makes this agent "${agentId}", not "${wanted}"`;
    step.effects.push({ type: "log", level: "warn", text });
  }

  #prune(now: number, step: AgentStep): void {
    this.#pruneAt = now + pruneEveryMs;
    step.writes.push({ type: "prune", before: now });
  }
}
