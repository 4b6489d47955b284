/** Operators: they submit jobs, repeat what was not answered, withdraw, and watch what programs write. */
import { AgentScope } from "../../lib/control/core/agents/agentScope.ts";
import type { StoredJob } from "../../lib/control/core/model.ts";
import type { Engine } from "../../lib/control/engine/engine.ts";
import type { AcceptedJob } from "../../lib/control/engine/pendingSubmissions.ts";
import { WsctlError } from "../../lib/protocol/errors.ts";
import type { OutputPayload } from "../../lib/protocol/wire/outputFrame.ts";
import type { PlannedJob } from "./plan.ts";
import type { World } from "./world.ts";

const operator = { tokenId: "operator", scope: new AgentScope({}) };

export class Operators {
  readonly #world: World;
  /** The latest attempt to ask for each job. */
  readonly #latest = new Map<string, number>();

  constructor(world: World) {
    this.#world = world;
  }

  /** An operator asks, and goes on asking under the same key until it knows. */
  ask(planned: PlannedJob, attempt: number): void {
    const world = this.#world;
    if (attempt > 30 || world.refusedMarkers.has(planned.marker)) return;
    this.#latest.set(planned.marker, attempt);
    const again = () => world.time.after(2_000, () => this.ask(planned, attempt + 1));
    const process = world.controlFor();
    if (process === undefined || !process.clock.isAlive) return void again();
    const accepted = (job: StoredJob) => {
      world.markers.set(job.jobId, planned.marker);
      if (!world.acceptedAt.has(planned.marker))
        world.acceptedAt.set(planned.marker, world.time.now);
      world.trace(`${planned.marker} is accepted as ${job.jobId}`);
      if (attempt < planned.answersLost) return again();
      world.ledger.acknowledged.push({ jobId: job.jobId, marker: planned.marker });
      if (planned.isWatched) this.#watch(process.engine, job.jobId);
      this.#decideLater(planned, job.jobId);
    };
    const refused = (error: unknown) => {
      world.trace(
        `${planned.marker} is refused: ${error instanceof WsctlError ? error.code : error}`,
      );
      if (!(error instanceof WsctlError)) throw error;
      world.met(`refused ${error.code}`);
      // An earlier or a later attempt may have been taken.
      if (this.#latest.get(planned.marker) === 0 && world.givesUp(planned, error.code)) {
        world.refusedMarkers.add(planned.marker);
      } else again();
    };
    process.clock.run(() => {
      const settle = {
        accepted: ({ job }: AcceptedJob) => process.clock.run(() => accepted(job)),
        refused: (error: unknown) => process.clock.run(() => refused(error)),
      };
      process.jobs.submitWith(bodyOf(planned), operator, planned.marker, settle);
    });
    // A process that dies before it answers leaves its operator in doubt.
    world.time.after(5_000, () => {
      const isKnown = world.ledger.acknowledged.some(({ marker }) => marker === planned.marker);
      if (!isKnown && !world.isServing(process)) this.ask(planned, attempt + 1);
    });
  }

  #watch(engine: Engine, jobId: string): void {
    for (const { requestId, agentId } of engine.journal.requests(jobId)) {
      watch(this.#world, engine, requestId, agentId);
    }
  }

  #decideLater(planned: PlannedJob, jobId: string): void {
    const { time } = this.#world;
    const { cancelAfterMs, approveAfterMs, pauseAfterMs, resumeAfterMs = 0 } = planned;
    if (cancelAfterMs !== undefined) {
      time.after(cancelAfterMs, () => this.#decide({ type: "cancelRequested", jobId }));
    }
    if (approveAfterMs !== undefined) {
      time.after(approveAfterMs, () =>
        this.#decide({ type: "approvalRequested", jobId, by: "second" }),
      );
    }
    if (pauseAfterMs === undefined) return;
    time.after(pauseAfterMs, () => this.#decide({ type: "pauseRequested", jobId }));
    time.after(pauseAfterMs + resumeAfterMs, () => this.#resume(jobId));
  }

  /** Until it is known that the job goes on: nobody else would let it. */
  #resume(jobId: string): void {
    if (this.#decide({ type: "resumeRequested", jobId })) return;
    this.#world.time.after(2_000, () => this.#resume(jobId));
  }

  /** Whether the operator was told that it is so; one who is not does not know, and lets it be. */
  #decide(decision: Parameters<Engine["decide"]>[0]): boolean {
    const world = this.#world;
    const process = world.controlFor();
    let isTold = false;
    process?.clock.run(() => {
      world.trace(`${world.ledger.markerOf(decision.jobId)}: ${decision.type}`);
      try {
        world.beginDecision(process);
        process.engine.decide(decision);
        isTold = process.clock.isAlive;
        world.met(`decided ${decision.type}`);
      } catch (error) {
        if (!(error instanceof WsctlError)) throw error;
        world.trace(`refused: ${error.code}`);
      }
    });
    return isTold;
  }
}

function bodyOf(planned: PlannedJob) {
  return {
    command: planned.command,
    parameters: {
      marker: planned.marker,
      ms: planned.workMs,
      ends: planned.ends,
      stubborn: planned.isStubborn,
      version: planned.version,
    },
    target: { agents: planned.hosts.map((host) => `agent${host}`) },
    timeout_seconds: planned.timeoutSeconds,
    ttl_seconds: planned.ttlSeconds,
    priority: planned.priority ?? "normal",
    require_online: planned.isOnlineRequired ?? false,
    // The agents judge a command that they do not have.
    force: true,
    rollout: {
      ...(planned.batch === undefined ? {} : { batch: planned.batch }),
      ...(planned.waves ? { waves: true } : {}),
      ...(planned.pauseBetweenSeconds === undefined
        ? {}
        : { batch_pause_seconds: planned.pauseBetweenSeconds }),
      ...(planned.canary === undefined ? {} : { canary: planned.canary }),
      ...(planned.canaryWaitSeconds === undefined
        ? {}
        : { canary_pause_seconds: planned.canaryWaitSeconds }),
      ...(planned.maxFailures === undefined ? {} : { max_failures: planned.maxFailures }),
    },
  };
}

/** A small window, so that a subscriber has to ask again and again. */
const windowBytes = 700;
const renewMs = 10_000;

/**
 * Follows one request: each piece once, in order, with every gap told; for as long as this control
 * plane's process lives, or until the end.
 */
function watch(world: World, engine: Engine, requestId: string, agentId: string): void {
  const process = world.control;
  let taken = 0;
  let left = windowBytes;
  let isOver = false;
  const ask = () => {
    if (isOver || process === undefined || !process.clock.isAlive) return;
    const bytesLeft = Math.max(0, left);
    const subscription = {
      subscriptionId: subscriber,
      requestId,
      agentId,
      after: taken,
      bytes: bytesLeft,
      bytesLeft,
    };
    process.clock.run(() => engine.subscribeOutput(subscription));
  };
  const heard = (piece: OutputPayload) => {
    const { sequence, skipped = 0, bytes, end } = piece;
    world.met(end ? "output to its end" : "output piece");
    if (skipped > 0) world.met("output with a gap that is told");
    // Where nobody knows any more what there was, the end comes without the rest.
    const isRight = !isOver && (end ? sequence <= taken : sequence === taken + skipped + 1);
    world.ledger.output(requestId, isRight, `piece ${sequence} after ${taken}, ${skipped} skipped`);
    if (!end && Number(String(bytes)) !== sequence)
      world.ledger.output(requestId, false, "another's text");
    taken = Math.max(taken, sequence);
    left -= bytes?.length ?? 0;
    isOver = end === true;
    if (isOver) engine.unsubscribeOutput(subscriber);
    else if (left <= 0) {
      left = windowBytes;
      // A reader takes its time.
      world.time.after(world.random.int(1, 3_000), ask);
    }
  };
  const subscriber = engine.newSubscription(heard);
  const renew = () => {
    if (isOver || process === undefined || !process.clock.isAlive) return;
    ask();
    world.time.after(renewMs, renew);
  };
  renew();
}
