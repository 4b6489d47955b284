/** The time in which a node leads: it is a control plane, until another node is elected. */

import type { Control, ControlOptions } from "../control/start.ts";
import type { WsctlError } from "../protocol/errors.ts";
import type { Replica } from "./copy/replica.ts";
import type { PublishOutcome } from "./nats/publishOutcome.ts";
import { Signal } from "./signal.ts";

export interface LeadershipOptions {
  control: ControlOptions;
  startControl(options: ControlOptions): Promise<Control>;
  /** May be written. It is closed at the end. */
  replica: Replica;
  node: string;
  epoch: number;
}

const retryMs = 500;

type End =
  | { reason: "stopped" }
  | { reason: "deposed"; text: string }
  | { reason: "failed"; error: WsctlError };

export class Leadership {
  readonly #options: LeadershipOptions;
  readonly #end = new Signal<End>();
  #resuming: Promise<void> | undefined;

  constructor(options: LeadershipOptions) {
    this.#options = options;
    const { replica } = options;
    replica.onElected = (elected) => this.#sawElection(elected);
    replica.onFault = (outcome) => this.#faulted(outcome);
  }

  /**
   * Returns when another node leads, or after `stop`.
   *
   * @throws {WsctlError} CONFLICT if a restored control plane has taken over from the cluster
   */
  async run(): Promise<void> {
    const { control: options, startControl, replica, node, epoch } = this.#options;
    const { log } = options;
    const control = await startControl(options);
    log.info("node leads the cluster", { node, epoch });
    void control.failed.then((error) => this.#end.resolve({ reason: "failed", error }));
    const end = await this.#end.promise;
    if (end.reason !== "deposed") await control.close();
    else {
      replica.retire("this node does not lead the cluster any more");
      log.warn("node no longer leads the cluster", { epoch, reason: end.text });
      await control.close(0);
    }
    replica.detach();
    await this.#resuming;
    if (end.reason === "failed") throw end.error;
  }

  stop(): void {
    this.#end.resolve({ reason: "stopped" });
  }

  depose(text: string): void {
    this.#end.resolve({ reason: "deposed", text });
  }

  #sawElection({ node, epoch }: { node: string; epoch: number }): void {
    if (epoch !== this.#options.epoch) this.depose(`node ${node} was elected with epoch ${epoch}`);
  }

  #faulted({ status, reason }: PublishOutcome): void {
    if (status === "refused") return this.depose(`its entry was refused: ${reason}`);
    const { log } = this.#options.control;
    log.error("log not confirmed by NATS: no jobs are accepted", { reason });
    this.#resuming = this.#resume();
  }

  /** The lease had expired: another node may have led before this one took it again. */
  async retaken(): Promise<void> {
    try {
      if (await this.#options.replica.isCurrent()) return;
    } catch {} // It is not known: the node gives way.
    this.depose("its lease had expired, and another node may have led");
  }

  /** Leads on once NATS answers, unless another node was elected meanwhile. */
  async #resume(): Promise<void> {
    const { control, replica } = this.#options;
    while (this.#end.isOpen) {
      await new Promise<void>((resolve) => control.clock.after(retryMs, resolve));
      try {
        await replica.resume(() => this.#end.isOpen);
        if (this.#end.isOpen) control.log.info("log confirmed by NATS again");
        return;
      } catch {} // The reason is logged already, and the next attempt follows.
    }
  }
}
