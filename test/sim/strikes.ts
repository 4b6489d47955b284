/** How each planned fault strikes the world, and how everything is made whole again. */
import { encode } from "../../lib/protocol/wire/codec.ts";
import { AgentDisk } from "./agentDisk.ts";
import { Host } from "./nodes.ts";
import { type Fault, type FaultKind, minuteMs } from "./plan.ts";
import { storageStrikes } from "./storageStrikes.ts";
import type { ProcessClock } from "./time.ts";
import type { World } from "./world.ts";

export class Strikes {
  readonly #world: World;
  readonly #clones: Host[] = [];
  readonly #strikes: Record<FaultKind, (fault: Fault, host: Host) => void>;

  constructor(world: World) {
    this.#world = world;
    const { time, random } = world;
    const until = (fault: Fault) => time.now + fault.durationMs;
    this.#strikes = {
      ...storageStrikes(world),
      control_crash: (fault) => world.crashControl("crash", fault.durationMs),
      control_crash_before_commit: () => {
        world.disk.faults.crash = "before";
      },
      control_crash_after_commit: () => {
        world.disk.faults.crash = "after";
      },
      control_power_cut: () => {
        world.disk.faults.crash = "unsynced";
      },
      control_drain: (fault) => this.#drain(fault),
      control_pause: (fault) => {
        if (world.control) pause(world.control.clock, until(fault));
      },
      control_disk_full: (fault) => {
        world.hasHeld = true;
        world.disk.faults.isFull = true;
        time.after(fault.durationMs, () => {
          world.disk.faults.isFull = false;
        });
      },
      control_clock_jump: () => {
        world.controlClock.jump(random.int(-600_000, 600_000), time.now);
        world.crashControl("clock jump", 1_000);
      },
      agent_crash: (_fault, host) => host.crash("crash"),
      agent_crash_before_commit: (_fault, host) => {
        host.disk.faults.crash = "before";
      },
      agent_crash_after_commit: (_fault, host) => {
        host.disk.faults.crash = "after";
      },
      agent_power_cut: (_fault, host) => {
        host.isPowerCut = true;
        host.disk.faults.crash = "unsynced";
      },
      agent_pause: (fault, host) => {
        if (host.clock) pause(host.clock, until(fault));
      },
      agent_disk_full: (fault, host) => {
        const { faults } = host.disk;
        faults.isFull = true;
        time.after(fault.durationMs, () => {
          faults.isFull = false;
        });
      },
      agent_clock_jump: (_fault, host) => {
        host.clockAheadMs += random.int(-3_600_000, 3_600_000);
        host.crash("clock jump");
      },
      control_clock_set: () => world.controlClock.set(this.#clockStepMs(), time.now),
      agent_clock_set: (_fault, host) => {
        host.clockAheadMs += this.#clockStepMs();
      },
      agent_reinstall: (_fault, host) => {
        host.crash("reinstall");
        host.disk = AgentDisk.empty(random);
      },
      cut: (_fault, host) => host.connection?.cut(),
      half_open: (_fault, host) => host.connection?.silence(Number.POSITIVE_INFINITY),
      partition: (fault, host) => world.network.partition(host.name, until(fault)),
      stall: (fault, host) => host.connection?.stall(until(fault)),
      duplicate: (_fault, host) => host.connection?.repeat?.(),
      clone: (fault, host) => this.#clone(fault, host),
      clone_running: (fault, host) => this.#cloneRunning(fault, host),
      impostor: (_fault, host) => this.#impostor(host),
      revoke: (_fault, host) => this.#revoke(host),
    };
  }

  strike(fault: Fault): void {
    const { hosts, control } = this.#world;
    const host = hosts[fault.host];
    // What strikes a process does not come through its clock.
    if (control !== undefined) control.clock.hasRun = true;
    if (host !== undefined) this.#strikes[fault.kind](fault, host);
  }

  /** No more faults: what was broken works, what was down runs. */
  heal(): void {
    const { disk, hosts, network } = this.#world;
    this.#world.isHealed = true;
    disk.heal();
    for (const host of hosts) {
      host.disk.heal();
      network.partition(host.name, 0);
      if (!host.isRunning) host.start();
    }
  }

  /** Large enough to be seen, and no longer than what a world waits for. */
  #clockStepMs(): number {
    const { random } = this.#world;
    return random.int(6 * minuteMs, 10 * minuteMs) * (random.chance(0.5) ? 1 : -1);
  }

  #drain(fault: Fault): void {
    const process = this.#world.control;
    if (process === undefined || !process.clock.isAlive) return;
    process.engine.notify({ type: "drainStarted" });
    this.#world.time.after(Math.min(fault.durationMs, 10_000), () => {
      if (!process.clock.isAlive) return;
      process.clock.run(() => process.engine.notify({ type: "connectionsDrained" }));
      this.#world.time.after(2_000, () => {
        if (this.#world.control === process) this.#world.crashControl("stopped", 1_000);
      });
    });
  }

  /** Another machine made from an image of this one, or installed under the same name. */
  #clone(fault: Fault, original: Host): void {
    const clone = this.#hostLike(original);
    if (this.#world.random.chance(0.7)) clone.disk = original.disk.copyOfImage();
    this.#runFor(fault, clone);
  }

  /**
   * A copy of the machine as it is, memory and all, that goes on beside it. It can be told apart
   * only while the original is connected: a copy that comes up in the absence of its original is
   * one with it for everybody, so it is kept away then; and what is about to start is about to
   * start on both. docs/guarantees.md promises neither.
   */
  #cloneRunning(fault: Fault, original: Host): void {
    if (original.disk.isUnderWay) return;
    const clone = this.#hostLike(original);
    clone.disk = original.disk.copy();
    const { instanceId } = original;
    const copied = JSON.stringify(clone.disk.identity);
    clone.mayJoin = ({ engine }) =>
      JSON.stringify(clone.disk.identity) !== copied ||
      engine.core.registry.agent(original.agentId).session?.instanceId === instanceId;
    this.#runFor(fault, clone);
  }

  #hostLike(original: Host): Host {
    const { name, agentId, isPlain } = original;
    const clone = new Host(this.#world, `clone${this.#clones.length} of ${name}`, agentId, isPlain);
    clone.installed = original.installed;
    return clone;
  }

  #runFor(fault: Fault, clone: Host): void {
    this.#clones.push(clone);
    clone.start();
    this.#world.time.after(fault.durationMs, () => clone.remove());
  }

  /** A host answers what was asked of others. */
  #impostor(host: Host): void {
    for (const { request, outcome } of this.#world.disk.rows.values()) {
      if (outcome !== undefined || request.agentId === host.agentId) continue;
      host.connection?.say(
        encode(
          {
            type: "response",
            request_id: request.requestId,
            payload: { status: "success", message: "impostor" },
          },
          this.#world.time.now,
        ),
      );
      if (!host.isPlain) this.#foreignOutput(host, request.requestId);
    }
  }

  /** Output of another's program, for whoever may be watching it. */
  #foreignOutput(host: Host, requestId: string): void {
    const bytes = Buffer.from("impostor");
    for (let subscriber = 1; subscriber <= 40; subscriber++) {
      const payload = { subscription_id: subscriber, sequence: 500, bytes };
      const message = { type: "output", request_id: requestId, payload } as const;
      host.connection?.say(encode(message, this.#world.time.now));
    }
  }

  #revoke(host: Host): void {
    const process = this.#world.control;
    const { agentId } = host;
    // A request comes through the clock: a process that is paused takes it when it goes on.
    process?.clock.run(() => {
      this.#world.ledger.revoked(agentId, this.#world.time.now);
      process.engine.notify({ type: "tokenRevoked", tokenId: `token of ${agentId}` });
      process.engine.notify({ type: "cancelMatching", agentId, reason: "the agent was revoked" });
    });
  }
}

/** A pause within a pause ends no earlier: what waits for the one must not overtake the other. */
function pause(clock: ProcessClock, until: number): void {
  clock.pausedUntil = Math.max(clock.pausedUntil, until);
}
