/** What every process of a world may hold in memory, at any moment. */
import { runningMax } from "../../lib/protocol/limits.ts";
import type { World } from "./world.ts";

/** After every step: nothing grows past what this world can ever have asked for. */
export function holdBounds(world: World): void {
  const { ledger, control, network, requestsMost } = world;
  const orders = world.plan.orders.length;
  if (control?.clock.isAlive) {
    const { open, deadlines, sessions, held, sockets, waiting } = control.engine.sizes;
    ledger.bounded("open requests", open, requestsMost);
    ledger.bounded("deadlines of the dispatcher", deadlines, 2 * open + 64);
    ledger.bounded("sessions", sessions, network.connections.size);
    ledger.bounded("sockets", sockets, network.connections.size);
    ledger.bounded("outcomes and answers held", held, 3 * requestsMost);
    ledger.bounded("writes and effects that wait", waiting, 10 * requestsMost);
  }
  for (const host of world.hosts) {
    const sizes = host.sizes;
    if (sizes === undefined) continue;
    const { requests, running, deadlines, waiting } = sizes;
    ledger.bounded("requests at an agent", requests, orders);
    ledger.bounded("running commands", running, runningMax);
    ledger.bounded("deadlines of an executor", deadlines, 2 * requests + 64);
    ledger.bounded("writes and effects of an agent", waiting, 10 * orders);
  }
}
