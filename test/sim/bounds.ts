/** What every process of a world may hold in memory, at any moment. */
import { runningMax } from "../../lib/protocol/limits.ts";
import type { ControlProcess, Host } from "./nodes.ts";
import type { World } from "./world.ts";

/**
 * After every step: nothing grows past what this world can ever have asked for. Only a process that
 * did something can hold more than before.
 */
export function holdBounds(world: World): void {
  const { control, hosts } = world;
  if (control?.clock.isAlive && control.clock.hasRun) {
    control.clock.hasRun = false;
    holdControl(world, control);
  }
  for (const host of hosts) {
    const { clock } = host;
    if (clock === undefined || !clock.hasRun) continue;
    clock.hasRun = false;
    holdAgent(world, host);
  }
}

function holdControl({ ledger, network, requestsMost }: World, { engine }: ControlProcess): void {
  const { open, deadlines, sessions, held, sockets, waiting } = engine.sizes;
  ledger.bounded("open requests", open, requestsMost);
  ledger.bounded("deadlines of the dispatcher", deadlines, 2 * open + 64);
  ledger.bounded("sessions", sessions, network.connections.size);
  ledger.bounded("sockets", sockets, network.connections.size);
  ledger.bounded("outcomes and answers held", held, 3 * requestsMost);
  ledger.bounded("writes and effects that wait", waiting, 10 * requestsMost);
}

function holdAgent({ ledger, plan }: World, { sizes }: Host): void {
  if (sizes === undefined) return;
  const { requests, running, deadlines, waiting } = sizes;
  const jobs = plan.jobs.length;
  ledger.bounded("requests at an agent", requests, jobs);
  ledger.bounded("running commands", running, runningMax);
  ledger.bounded("deadlines of an executor", deadlines, 2 * requests + 64);
  ledger.bounded("writes and effects of an agent", waiting, 10 * jobs);
}
