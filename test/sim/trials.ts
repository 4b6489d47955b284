/**
 * Updates in a world: a new version runs as the agent while the old process watches it, as
 * `lib/agent/update/trial.ts` does it with real ones. Versions are good, crash at their start, or
 * never connect; either process may be killed at any moment.
 */
import type { Update } from "../../lib/agent/core/model.ts";
import { trialStopMs } from "../../lib/protocol/limits.ts";
import type { Host } from "./nodes.ts";
import type { World } from "./world.ts";

export const versionKinds = ["good", "crashes", "mute"] as const;
export type VersionKind = (typeof versionKinds)[number];

/** A program that may be installed on a host. */
export interface Version {
  name: string;
  kind: VersionKind;
}

/** The version that a job of this marker brings. */
export function versionOf(marker: string, kind: VersionKind): Version {
  return { name: `${kind} of ${marker}`, kind };
}

export class Trial {
  readonly update: Update;
  readonly version: Version;
  readonly #world: World;
  readonly #host: Host;
  #upSince: number | undefined;
  #isOver = false;
  /** The old process has seen enough: whatever becomes of the new one now, it is installed. */
  #isProved = false;

  constructor(world: World, host: Host, update: Update) {
    this.#world = world;
    this.#host = host;
    this.update = update;
    const kind = versionKinds.find((each) => update.to.startsWith(each)) ?? "good";
    this.version = { name: update.to, kind };
    world.met(`trial of a version that is ${kind}`);
    const { connectMs, healthyMs } = update;
    if (kind === "crashes") world.time.after(10, () => this.#host.trialProcessEnded());
    world.time.after(connectMs, () => {
      if (this.#upSince === undefined) this.#giveUp("it did not connect");
    });
    world.time.after(2 * (connectMs + healthyMs), () => this.#giveUp("it did not stay connected"));
  }

  linked(isUp: boolean): void {
    const since = isUp ? this.#world.time.now : undefined;
    this.#upSince = since;
    if (!isUp) return;
    this.#world.time.after(this.update.healthyMs, () => {
      if (this.#isOver || this.#isProved || this.#upSince !== since) return;
      this.#isProved = true;
      this.#host.stopProved();
      // What still runs in it does not hold it up for ever.
      this.#world.time.after(trialStopMs, () => {
        if (!this.#isOver) this.#host.trialProcessEnded();
      });
    });
  }

  /** The new process has ended, by itself, by a fault, or because it was told to. */
  ended(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    if (this.#isProved) this.#host.install(this.version);
    this.#host.comeBack(this.#isProved ? undefined : "it ended by itself");
  }

  /** The watching process has died as well: nothing is installed. */
  abandoned(): void {
    this.#isOver = true;
  }

  #giveUp(fault: string): void {
    if (this.#isOver || this.#isProved) return;
    this.#isOver = true;
    this.#host.killTrialProcess();
    this.#host.comeBack(fault);
  }
}
