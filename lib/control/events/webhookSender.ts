/**
 * Delivers events to webhooks, in the order of the log and at least once. What was delivered is
 * recorded, so a restart continues there; the log itself is the queue. Requests are signed as
 * Standard Webhooks (standardwebhooks.com) say.
 */
import { createHmac } from "node:crypto";
import type { Log } from "../../log/log.ts";
import { plainReason } from "../../network/connectionError.ts";
import type { AddressRanges } from "../../protocol/addressRange.ts";
import type { ControlPlaneEvent, WebhookTest } from "../../protocol/api/events.ts";
import { errorText } from "../../protocol/errors.ts";
import { webhookDeadLettersMax } from "../../protocol/limits.ts";
import { timestamp } from "../../protocol/timestamp.ts";
import type { Clock } from "../../time/clock.ts";
import type { Engine } from "../engine/engine.ts";
import type { Definition } from "../journal/tables/definitionTable.ts";
import { createWakeSignal } from "../streams/wakeSignal.ts";
import type { EventLog } from "./eventLog.ts";
import { assertWebhookAddress } from "./webhookAddress.ts";

export interface WebhookSenderOptions {
  engine: Engine;
  events: EventLog;
  allowed: AddressRanges;
  fetch: typeof fetch;
  clock: Clock;
  log: Log;
}

type Webhook = Definition<"webhook">;

/** The waits between the attempts of one delivery, in milliseconds: a day in all. */
const retryMs = [5, 30, 120, 600, 1_800, 7_200, 21_600, 54_000].map((seconds) => seconds * 1_000);
const answerMs = 10_000;
const idleMs = 60_000;
/** Progress without a delivery is recorded after this many entries. */
const recordEntries = 10_000;

export class WebhookSender {
  readonly #options: WebhookSenderOptions;
  readonly #running = new Map<string, { wake: () => void; failing?: string }>();
  #isClosed = false;

  constructor(options: WebhookSenderOptions) {
    this.#options = options;
  }

  start(): void {
    for (const { name } of this.#options.engine.journal.definitions.all("webhook")) this.add(name);
  }

  /** Begins to deliver to a webhook that was created. */
  add(name: string): void {
    const signal = createWakeSignal();
    const forget = this.#options.events.onNew(() => signal.ring());
    this.#running.set(name, { wake: () => signal.ring() });
    void this.#deliver(name, (ms) => signal.wait(ms)).finally(() => {
      forget();
      this.#running.delete(name);
    });
  }

  /** Why the current delivery is repeated. */
  failing(name: string): string | undefined {
    return this.#running.get(name)?.failing;
  }

  close(): void {
    this.#isClosed = true;
    for (const { wake } of this.#running.values()) wake();
  }

  /** Sends one event of the type `ping`, without repeating it. */
  async test({ value }: Webhook): Promise<WebhookTest> {
    const at = timestamp(this.#options.clock.wall());
    const failure = await this.#send(value, `ping-${Date.now()}`, { type: "ping", at, data: {} });
    return { delivered: failure === undefined, answer: failure?.reason ?? "accepted" };
  }

  async #deliver(name: string, wait: (ms: number) => Promise<boolean>): Promise<void> {
    const { events, engine, log } = this.#options;
    let read = this.#find(name)?.value.deliveredThrough ?? 0;
    for (;;) {
      const webhook = this.#find(name);
      if (webhook === undefined || this.#isClosed) return;
      try {
        const { events: found, through } = events.read(read);
        const wanted = found.filter(({ type }) => webhook.value.events.includes(type));
        for (const event of wanted) {
          if (!(await this.#deliverOne(name, event, wait))) return;
        }
        const skipped = through - webhook.value.deliveredThrough;
        if (wanted.length > 0 || skipped >= recordEntries) this.#record(name, through);
        read = through;
        if (through >= events.head) await wait(idleMs);
        else await new Promise((resolve) => setImmediate(resolve));
      } catch (error) {
        log.error(`Cannot deliver to webhook: ${errorText(error)}`, { webhook: name });
        if (engine.unready === undefined) await wait(idleMs);
        else await wait(retryMs[0] ?? 0);
      }
    }
  }

  /** Returns false if the webhook is gone. A delivery that is given up is recorded. */
  async #deliverOne(
    name: string,
    event: ControlPlaneEvent,
    wait: (ms: number) => Promise<boolean>,
  ): Promise<boolean> {
    const { clock, log } = this.#options;
    for (let attempt = 0; ; attempt++) {
      const webhook = this.#find(name);
      const running = this.#running.get(name);
      if (webhook === undefined || running === undefined || this.#isClosed) return false;
      const id = `${event.sequence}-${event.type}`;
      const failure = await this.#send(webhook.value, id, event);
      delete running.failing;
      if (failure === undefined) return true;
      const pauseMs = failure.isFinal ? undefined : retryMs[attempt];
      const facts = { webhook: name, event: event.type, reason: failure.reason };
      if (pauseMs === undefined) {
        log.warn("webhook delivery given up", facts);
        this.#record(name, event.sequence, { ...event, reason: failure.reason });
        return true;
      }
      if (attempt === 0) log.warn("webhook delivery failed", facts);
      running.failing = failure.reason;
      const until = clock.now() + pauseMs;
      // The signal rings for each new entry; the pause goes on.
      while (clock.now() < until && !this.#isClosed && this.#find(name) !== undefined) {
        await wait(until - clock.now());
        if (clock.now() < until) await new Promise((resolve) => setTimeout(resolve, 100));
      }
    }
  }

  #find(name: string): Webhook | undefined {
    return this.#options.engine.journal.definitions.get("webhook", name);
  }

  #record(name: string, through: number, dead?: ControlPlaneEvent & { reason: string }): void {
    const webhook = this.#find(name);
    if (webhook === undefined) return;
    const { value } = webhook;
    const letters = dead === undefined ? [] : [toDeadLetter(dead)];
    const deadLetters = [...value.deadLetters, ...letters].slice(-webhookDeadLettersMax);
    const changed = { ...value, deliveredThrough: through, deadLetters };
    this.#options.engine.journal.definitions.replace({ ...webhook, value: changed });
  }

  /** Returns why the receiver did not accept it; final if a repetition would not help. */
  async #send(
    { url, secret }: Webhook["value"],
    id: string,
    event: object,
  ): Promise<{ reason: string; isFinal: boolean } | undefined> {
    const { allowed, fetch, clock } = this.#options;
    const body = JSON.stringify(event);
    const seconds = Math.floor(clock.wall() / 1000);
    const key = Buffer.from(secret, "base64");
    const signature = createHmac("sha256", key).update(`${id}.${seconds}.${body}`).digest("base64");
    try {
      await assertWebhookAddress(new URL(url), allowed);
      const response = await fetch(url, {
        ...{ method: "POST", body, redirect: "manual", signal: AbortSignal.timeout(answerMs) },
        headers: {
          "Content-Type": "application/json",
          "webhook-id": id,
          "webhook-timestamp": `${seconds}`,
          "webhook-signature": `v1,${signature}`,
        },
      });
      await response.body?.cancel();
      if (response.ok) return undefined;
      const { status } = response;
      // A refusal of the content is final; these two are about time.
      const isFinal = status >= 400 && status < 500 && status !== 408 && status !== 429;
      return { reason: `HTTP status ${status}`, isFinal };
    } catch (error) {
      return { reason: plainReason(error), isFinal: false };
    }
  }
}

function toDeadLetter({ sequence, type, at, reason }: ControlPlaneEvent & { reason: string }) {
  return { sequence, type, at, reason };
}
