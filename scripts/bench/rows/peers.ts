/** Who takes part, and who does not, and why. */
import type { Contender } from "../contenders.ts";
import { limit } from "../hubs/limit.ts";
import { nats } from "../hubs/nats.ts";
import { socketIo } from "../hubs/socketIo.ts";
import { wsctl } from "../hubs/wsctl.ts";

interface Listener {
  say(text: string): void;
}

export function allContenders(listener: Listener): Contender[] {
  return takingPart([wsctl, limit, nats, socketIo], listener);
}

/** Leaves out those that cannot take part here, and says why. */
export function takingPart(contenders: readonly Contender[], { say }: Listener): Contender[] {
  return contenders.filter((contender) => {
    const missing = contender.missing();
    if (missing !== undefined) say(`${contender.name} is left out: ${missing}`);
    return missing === undefined;
  });
}
