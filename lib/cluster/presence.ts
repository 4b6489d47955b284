/** Tells the other nodes about this one, until it stops. */
import type { Clock } from "../time/clock.ts";
import type { NatsClient } from "./nats/natsClient.ts";
import type { NodeState } from "./nats/threadMessages.ts";

const presenceMs = 1_000;

/** @returns what stops it */
export function presentNode(
  nats: NatsClient,
  clock: Pick<Clock, "after">,
  describe: () => NodeState,
): () => void {
  let cancel = () => {};
  const present = () => {
    cancel = clock.after(presenceMs, present);
    // A node that cannot say that it is there is missing in the list, which is right.
    nats.call("present", describe()).catch(() => {});
  };
  present();
  return () => cancel();
}
