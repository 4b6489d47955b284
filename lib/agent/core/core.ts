/**
 * The agent's core takes one event and returns one transition. It combines the connection (when to
 * be connected) and the executor (what happens to commands). It holds no socket, timer, journal or
 * clock.
 */
import { closeCodes } from "../../protocol/wire/closeCodes.ts";
import type {
  Command,
  ControlMessage,
  SubscribeOutput,
  Welcome,
} from "../../protocol/wire/message.ts";
import { CapabilityAnnouncer } from "./capabilityAnnouncer.ts";
import { type ConnectionOptions, ConnectionState } from "./connection.ts";
import { Executor, type ExecutorOptions } from "./executor.ts";
import type { AgentEvent, Identity, OutputPiece, RequestRecord } from "./model.ts";
import { programOf } from "./requestEntry.ts";
import { AgentTransition } from "./transition.ts";

export interface AgentCoreOptions extends ConnectionOptions, ExecutorOptions {
  /** The expected agent id. The agent logs a warning if the token belongs to another id. */
  agentId?: string;
}

type Received = AgentEvent & { type: "messageReceived" };

export class AgentCore {
  readonly #options: AgentCoreOptions;
  readonly #link: ConnectionState;
  readonly #executor: Executor;
  readonly #announcer = new CapabilityAnnouncer();
  #identity: Identity = { journalId: "", epoch: 0 };
  #isStopping = false;

  constructor(options: AgentCoreOptions) {
    this.#options = options;
    this.#link = new ConnectionState(options);
    this.#executor = new Executor(options);
  }

  /** The time at which the next `tick` is due. */
  next(): number {
    return Math.min(
      this.#link.next() ?? Number.POSITIVE_INFINITY,
      this.#executor.next() ?? Number.POSITIVE_INFINITY,
    );
  }

  /** Whether a stop was requested and has completed. */
  get isStopped(): boolean {
    return this.#isStopping && !this.#executor.isBusy;
  }

  get isLinked(): boolean {
    return this.#link.up !== undefined;
  }

  get sizes() {
    return this.#executor.sizes;
  }

  /** @param wallAheadMs By how much the system's clock is ahead of `now`. */
  step(event: AgentEvent, now: number, wallAheadMs = 0): AgentTransition {
    const t = new AgentTransition(now, wallAheadMs);
    this.#take(event, t);
    for (const { type } of t.effects) if (type === "ping") this.#executor.outbox.pingSent();
    return t;
  }

  #take(event: AgentEvent, t: AgentTransition): void {
    switch (event.type) {
      case "started":
        this.#identity = event.identity;
        this.#executor.recover(event.records, event.runs, t);
        return this.#link.start(t);
      case "connectionOpened":
        if (!this.#link.isLatest(event.link)) return;
        this.#link.opened(event.isExtended, this.#identity, this.#announcer.digest, t);
        // A peer of the standard alone cannot say whether the journal is the latest one.
        if (!event.isExtended) this.#executor.resumeQueue(true, t);
        return this.#linkedIfUp(t);
      case "messageReceived":
        if (this.#link.isCurrent(event.link)) this.#received(event, t);
        return;
      case "binaryReceived":
        return this.#binary(event.link, t);
      case "pongReceived":
        if (!this.#link.isCurrent(event.link)) return;
        this.#link.messageReceived(t.now);
        return this.#executor.outbox.pongReceived(t);
      case "connectionClosed":
        return this.#closed(event, t);
      case "commandFinished":
        this.#executor.finished(event.requestId, event.result, t);
        return this.#disconnectWhenIdle(t);
      case "requestPersisted":
        return this.#executor.outbox.persisted(event.requestId, t);
      case "restart_failed":
        return this.#executor.restartFailed(event.reason, t);
      case "hostMetricsRead":
        return this.#link.measured(event.metrics, t);
      case "capabilitiesRead":
        return this.#announcer.onCapabilities(event, this.#link.up, t);
      case "outputProduced":
        return this.#output(event.piece, t);
      case "commitFailed":
        this.#executor.commitFailed(event.writes, t);
        return this.#disconnectWhenIdle(t);
      case "tick":
        return this.#tick(event.random, t);
      case "stopRequested":
        this.#isStopping = true;
        this.#executor.stop();
        return this.#disconnectWhenIdle(t);
      default:
        return event satisfies never;
    }
  }

  #received({ link, decoded, known }: Received, t: AgentTransition): void {
    this.#link.messageReceived(t.now);
    const { message, refusal } = decoded;
    if (refusal === undefined) return this.#message(message, known, t);
    const { code, requestId, text: reason } = refusal;
    t.log("warn", `refused a message: ${reason}`);
    if (!refusal.answer) return;
    const payload = { code, message: reason };
    const error = { type: "error", request_id: requestId, payload } as const;
    t.send(link, error);
  }

  #message(message: ControlMessage, known: RequestRecord | undefined, t: AgentTransition): void {
    switch (message.type) {
      case "command":
        return this.#executor.command(message, known, this.#expiresAt(message), t);
      case "welcome":
        this.#link.welcome(message, t);
        if (message.payload.addresses !== undefined) {
          t.perform({ type: "storeAddresses", addresses: message.payload.addresses });
        }
        this.#reportOtherId(message.payload.agent_id, t);
        this.#executor.resumeQueue(this.#identity.journalId === message.payload.journal_id, t);
        this.#identify(message, t);
        if (message.payload.send_capabilities) this.#announcer.requested(t);
        if (this.#link.up === undefined) this.#unlinked(t);
        return this.#linkedIfUp(t);
      case "ack":
        return this.#executor.outbox.acknowledged(message.request_id, t);
      case "cancel":
        return this.#executor.cancel(message.request_id, t);
      case "subscribe_output":
        return this.#follow(message, known, t);
      case "goaway":
        return this.#link.goaway(message.payload.retry_after_seconds * 1000);
      case "error": {
        const { code, message: reason } = message.payload;
        this.#link.welcomeOverdue(t);
        this.#linkedIfUp(t);
        const text = `the control plane reports ${JSON.stringify(code)}: ${JSON.stringify(reason)}`;
        t.log("warn", text);
        if (message.request_id !== undefined)
          this.#executor.outbox.acknowledged(message.request_id, t);
        return;
      }
      default:
        return message satisfies never;
    }
  }

  /** Converts the expiry of a command from the control plane's clock to this agent's clock. */
  #expiresAt(command: Command): number | undefined {
    const { expires_at } = command.payload;
    return expires_at === undefined ? undefined : Date.parse(expires_at) - this.#link.clockOffsetMs;
  }

  #follow(
    { request_id: requestId, payload }: SubscribeOutput,
    known: RequestRecord | undefined,
    t: AgentTransition,
  ): void {
    const { subscription_id, after, unsubscribe, ...wanted } = payload;
    if (unsubscribe)
      return void t.perform({
        type: "unsubscribeOutput",
        left: { requestId, subscriptionId: subscription_id },
      });
    const program = programOf(this.#executor.record(requestId) ?? known);
    if (program === "none") {
      return this.#output({ requestId, subscription_id, sequence: after, end: true }, t);
    }
    const subscription = {
      requestId,
      subscriptionId: subscription_id,
      after,
      ...wanted,
      program,
    };
    t.perform({ type: "subscribeOutput", subscription });
  }

  #output({ requestId, ...payload }: OutputPiece, t: AgentTransition): void {
    const { up } = this.#link;
    if (!up?.isExtended) return;
    const message = { type: "output", request_id: requestId, payload } as const;
    t.send(up.link, message);
  }

  #binary(link: number, t: AgentTransition): void {
    if (!this.#link.isCurrent(link)) return;
    const { code, meaning: reason } = closeCodes.binaryFrame;
    t.perform({ type: "close", link, code, reason });
  }

  #closed(event: AgentEvent & { type: "connectionClosed" }, t: AgentTransition): void {
    if (!this.#link.isLatest(event.link)) return;
    this.#unlinked(t);
    this.#link.closed(event.code, event.reason, event.random, t);
  }

  #tick(random: number, t: AgentTransition): void {
    const wasUp = this.#link.up !== undefined;
    this.#link.tick(random, t);
    this.#linkedIfUp(t);
    if (wasUp && this.#link.up === undefined) this.#unlinked(t);
    this.#executor.tick(t);
    this.#disconnectWhenIdle(t);
  }

  #unlinked(t: AgentTransition): void {
    this.#executor.outbox.unlinked();
    t.perform({ type: "unsubscribeOutput" });
  }

  #linkedIfUp(t: AgentTransition): void {
    const connection = this.#link.up;
    if (connection !== undefined) this.#executor.outbox.linked(connection, t);
  }

  #disconnectWhenIdle(t: AgentTransition): void {
    if (this.#isStopping && !this.#executor.isBusy) this.#link.stop(t);
  }

  /** The identity is written before, or together with, any request that is received under it. */
  #identify(message: Welcome, t: AgentTransition): void {
    const { journal_id: journalId, epoch, lineage } = message.payload;
    if (this.#identity.journalId === journalId && this.#identity.epoch === epoch) return;
    this.#identity = { journalId, epoch, ...(lineage === undefined ? {} : { lineage }) };
    t.write({ type: "putIdentity", identity: this.#identity });
  }

  #reportOtherId(agentId: string, t: AgentTransition): void {
    const { agentId: wanted } = this.#options;
    if (wanted === undefined || wanted === agentId) return;
    const fix = `Start it with --id ${agentId}, or with a token for "${wanted}"`;
    t.log(
      "error",
      `the token is for agent "${agentId}", not for "${wanted}", and it decides. ${fix}`,
    );
  }
}
