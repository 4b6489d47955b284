/** How faults strike the disks of a world: the control plane's, and those of its agents. */
import type { LogOwner } from "../../lib/store/log/format.ts";
import { damageKinds, entriesOf, judgeDamage } from "./damage.ts";
import type { FaultyStorage } from "./faultyStorage.ts";
import type { Host } from "./nodes.ts";
import type { Fault, StorageFaultKind } from "./plan.ts";
import type { World } from "./world.ts";

/** No longer than the checks of a world allow for a commit. */
const slowMsMax = 300;

export function storageStrikes(
  world: World,
): Record<StorageFaultKind, (fault: Fault, host: Host) => void> {
  return {
    control_power_cut_between: () => {
      world.disk.faults.crash = "between";
    },
    control_power_cut_now: () => world.disk.losePower(),
    control_io_error: () => {
      world.disk.faults.failsSoon = true;
      world.hasHeld = true;
    },
    control_slow_disk: (fault) => slow(world, world.disk, fault),
    control_damage: () => damage(world, "controlPlane", world.disk.copyOfStorage()),
    agent_power_cut_between: (_fault, host) => {
      host.isPowerCut = true;
      host.disk.faults.crash = "between";
    },
    agent_power_cut_now: (_fault, host) => {
      host.isPowerCut = true;
      host.disk.losePower();
    },
    agent_io_error: (_fault, host) => {
      host.disk.faults.failsSoon = true;
    },
    agent_slow_disk: (fault, host) => slow(world, host.disk, fault),
    agent_damage: (_fault, host) => damage(world, "agent", host.disk.copyOfStorage()),
  };
}

function slow(world: World, { faults }: World["disk"] | Host["disk"], fault: Fault): void {
  faults.slowMs = world.random.int(1, slowMsMax);
  world.time.after(fault.durationMs, () => {
    faults.slowMs = 0;
  });
}

/** What a start would make of a log that is damaged now, in each way. */
function damage(world: World, owner: LogOwner, storage: FaultyStorage): void {
  // An agent that was never started has no log.
  if (storage.list().length === 0) return;
  const right = entriesOf(storage.afterKill(), owner);
  for (const kind of damageKinds) {
    const random = () => world.random.unit();
    const flaw = judgeDamage(storage.afterKill(), owner, right, kind, random);
    world.ledger.holds(flaw === undefined, () => `damaged log of ${owner}: ${flaw}`);
  }
}
