/** NATS as a process of a world has it: the product's own thread, on a stream of the world. */

import { Buckets } from "../../../lib/cluster/nats/buckets.ts";
import type { KeyValue } from "../../../lib/cluster/nats/keyValue.ts";
import { NatsCalls } from "../../../lib/cluster/nats/natsCalls.ts";
import type { ClusterNats } from "../../../lib/cluster/nats/natsClient.ts";
import { explainNatsError } from "../../../lib/cluster/nats/natsErrors.ts";
import type { PublishOutcome } from "../../../lib/cluster/nats/publishOutcome.ts";
import type {
  CallName,
  NatsSettings,
  PublishRequest,
  StreamBatch,
  ThreadCalls,
  ThreadEvent,
} from "../../../lib/cluster/nats/threadMessages.ts";
import type { StreamMessage } from "../../../lib/cluster/stream/batchParts.ts";
import { LogStream } from "../../../lib/cluster/stream/logStream.ts";
import {
  attemptMs,
  Publication,
  type PublicationStep,
} from "../../../lib/cluster/stream/publication.ts";
import type { StreamAccess } from "../../../lib/cluster/stream/streamAccess.ts";
import { WsctlError } from "../../../lib/protocol/errors.ts";
import { MachineStopped } from "../faultyStorage.ts";
import type { ProcessClock, Time } from "../time.ts";
import type { NatsLink } from "./natsLink.ts";
import type { Bucket, NatsServer } from "./natsServer.ts";

const requestMs = 1_500;
/** So small that some batches need several messages. */
const partBytes = 600;
/** How long an attempt takes that is waited for on the spot. */
const quickMs = 2;

interface Open {
  publication: Publication;
  step: PublicationStep;
  done(outcome: PublishOutcome): void;
}

export interface SimNatsOptions {
  time: Time;
  clock: ProcessClock;
  link: NatsLink;
  server: NatsServer;
}

export class SimNats implements ClusterNats {
  readonly #options: SimNatsOptions;
  readonly #calls: NatsCalls;
  #open: Open | undefined;
  onEvent: (event: ThreadEvent) => void = () => {};
  onBatch: (batch: StreamBatch) => void = () => {};
  onFailed: (error: WsctlError) => void = () => {};

  constructor(options: SimNatsOptions) {
    this.#options = options;
    const { clock, link, server } = options;
    const tell = (event: ThreadEvent) => clock.defer(() => this.#received(event));
    const events = {
      leader: (leader) => tell({ event: "leader", leader }),
      elected: (epoch) => tell({ event: "elected", epoch }),
      retaken: () => tell({ event: "retaken" }),
      deposed: (reason) => tell({ event: "deposed", reason }),
      trouble: () => {},
    } satisfies ConstructorParameters<typeof Buckets>[0]["events"];
    const buckets = { shared: bucketOf(link, server.shared), live: bucketOf(link, server.live) };
    const access = new SimStreamAccess(options);
    this.#calls = new NatsCalls(async () => {
      return {
        state: { server: "simulated", version: "0", replicas: 3 },
        stream: new LogStream(access, clock),
        buckets: new Buckets({ ...buckets, clock, events }),
        close: async () => {},
      };
    }, tell);
  }

  async start(settings: NatsSettings): Promise<void> {
    await this.#calls.calls.open(settings);
  }

  #received(event: ThreadEvent): void {
    if (event.event !== "batch") return this.onEvent(event);
    this.onBatch(event.batch);
    const { following } = event;
    this.#options.clock.defer(() => this.#calls.taken(following));
  }

  call<Name extends CallName>(
    name: Name,
    input: ThreadCalls[Name]["input"],
  ): Promise<ThreadCalls[Name]["output"]> {
    const { clock } = this.#options;
    const run = this.#calls.calls[name] as (given: unknown) => unknown;
    return new Promise((resolve, reject) => {
      const answer = async () => {
        try {
          const output = await run(structuredClone(input));
          clock.defer(() => resolve(structuredClone(output) as never));
        } catch (error) {
          const { code, message } = explainNatsError(error, []);
          const isOwn = code === "USAGE" || code === "INTERNAL";
          clock.defer(() => reject(new WsctlError(isOwn ? code : "UNAVAILABLE", message)));
        }
      };
      clock.defer(() => void answer());
    });
  }

  publish(
    request: Omit<PublishRequest, "id" | "result">,
    done: (outcome: PublishOutcome) => void,
  ): void {
    const { clock } = this.#options;
    const publication = new Publication(request, partBytes, clock.now());
    const open = { publication, step: publication.next(clock.now()), done };
    this.#open = open;
    this.#drive(open, open.step);
  }

  /** The publication takes its way, unless the process waits for it on the spot meanwhile. */
  #drive(open: Open, step: PublicationStep): void {
    const { clock, link, server } = this.#options;
    const { publication } = open;
    open.step = step;
    const go = (next: () => PublicationStep) => {
      if (this.#open === open) this.#drive(open, next());
    };
    if (step.do === "publish") {
      link.send(
        attemptMs,
        () => server.publish(step.part),
        true,
        (answer) => go(() => publication.answered(answer, clock.now())),
        ({ message }) => go(() => publication.answered({ failed: message }, clock.now())),
      );
    } else if (step.do === "read") {
      const found = (id?: string) => go(() => publication.found(id, clock.now()));
      const read = () => server.read(step.position)?.id;
      link.send(requestMs, read, false, found, () => found());
    } else if (step.do === "wait") {
      clock.after(step.ms, () => go(() => publication.next(clock.now())));
    } else {
      clock.defer(() => this.#finish(open, step.outcome));
    }
  }

  #finish(open: Open, outcome: PublishOutcome): void {
    if (this.#open !== open) return;
    this.#open = undefined;
    open.done(outcome);
  }

  settle(): void {
    const { clock, time } = this.#options;
    if (!clock.isAlive) throw new MachineStopped("the process is dead");
    const open = this.#open;
    if (open === undefined) return;
    // What is under way may still come there.
    this.#open = undefined;
    let passedMs = 0;
    let { step } = open;
    while (step.do !== "end") {
      const taken = this.#atOnce(open.publication, step, clock.now(), passedMs);
      passedMs += taken.ms;
      step = taken.step;
    }
    clock.pausedUntil = Math.max(clock.pausedUntil, time.now + passedMs);
    open.done(step.outcome);
    if (!clock.isAlive) throw new MachineStopped("the process is dead");
  }

  #atOnce(
    publication: Publication,
    step: Exclude<PublicationStep, { do: "end" }>,
    now: number,
    passedMs: number,
  ): { ms: number; step: PublicationStep } {
    const { link, server } = this.#options;
    if (step.do === "wait") {
      return { ms: step.ms, step: publication.next(now + passedMs + step.ms) };
    }
    if (step.do === "read") {
      const found = link.now(passedMs, () => server.read(step.position)?.id);
      const ms = found === undefined ? requestMs : quickMs;
      return { ms, step: publication.found(found?.value, now + passedMs + ms) };
    }
    const answer = link.now(passedMs, () => server.publish(step.part));
    const ms = answer === undefined ? attemptMs : quickMs;
    const given = answer?.value ?? { failed: "timeout" };
    return { ms, step: publication.answered(given, now + passedMs + ms) };
  }

  async close(): Promise<void> {
    await this.call("close", null).catch(() => {});
  }
}

class SimStreamAccess implements StreamAccess {
  readonly partBytes = partBytes;
  readonly #options: SimNatsOptions;

  constructor(options: SimNatsOptions) {
    this.#options = options;
  }

  state(): Promise<{ first: number; last: number; replicas: number }> {
    const { link, server } = this.#options;
    return link.request(requestMs, () => ({ first: 1, last: server.last, replicas: 3 }));
  }

  publish(): Promise<never> {
    throw new Error("publications take their own way in a world");
  }

  read(sequence: number): Promise<StreamMessage | undefined> {
    const { link, server } = this.#options;
    return link.request(requestMs, () => server.read(sequence));
  }

  async consume(from: number, take: (message: StreamMessage) => Promise<void>) {
    const { time, clock, link, server } = this.#options;
    let [next, isBusy, isStopped] = [from, false, false];
    await link.request(requestMs, () => {});
    const hand = async () => {
      for (let message = server.read(next); message && !isStopped; message = server.read(next)) {
        await take(message);
        next++;
      }
      isBusy = false;
    };
    const pump = () => {
      if (isStopped || isBusy || !clock.isAlive || server.read(next) === undefined) return;
      isBusy = true;
      const wayMs = link.isCut() ? link.openAt - time.now + 1 : link.wayMs();
      time.after(wayMs, () => {
        if (!link.isCut()) return clock.run(() => void hand());
        isBusy = false;
        pump();
      });
    };
    server.followers.add(pump);
    pump();
    return () => {
      isStopped = true;
      server.followers.delete(pump);
    };
  }

  purge(): Promise<never> {
    throw new Error("nothing is removed from the log of a world");
  }
}

function bucketOf(link: NatsLink, bucket: Bucket): KeyValue {
  const ask = <T>(carryOut: () => T) => link.request(requestMs, carryOut);
  return {
    get: (key) => ask(() => bucket.get(key)),
    create: (key, text) => ask(() => bucket.create(key, text)),
    update: (key, text, expected) => ask(() => bucket.update(key, text, expected)),
    put: (key, text) => ask(() => void bucket.put(key, text)),
    delete: (key, expected) => ask(() => bucket.delete(key, expected)),
    keys: (prefix) => ask(() => bucket.keys(prefix)),
  };
}
