/** Who takes part, and who does not, and why. */
import type { Contender } from "../contenders.ts";
import { limit } from "../hubs/limit.ts";
import { nats } from "../hubs/nats.ts";
import { socketIo } from "../hubs/socketIo.ts";
import { wsctl } from "../hubs/wsctl.ts";

export function allContenders({ say }: { say(text: string): void }): Contender[] {
  return [wsctl, limit, nats, socketIo].filter((contender) => {
    const missing = contender.missing();
    if (missing !== undefined) say(`${contender.name} is left out: ${missing}`);
    return missing === undefined;
  });
}
