/** Operators who watch live output: each piece once, in order, and whole up to its end. */
import type { Engine } from "../../lib/control/engine.ts";
import type { OutputPiece } from "../../lib/control/records.ts";
import type { World } from "./world.ts";

/** A small window, so that a watcher has to ask again and again. */
const windowBytes = 700;
const renewMs = 10_000;

/** Follows one request for as long as this control plane's process lives, or until the end. */
export function watch(world: World, engine: Engine, requestId: string, agentId: string): void {
  const process = world.control;
  let taken = 0;
  let left = windowBytes;
  let isOver = false;
  const ask = () => {
    if (isOver || process === undefined || !process.clock.isAlive) return;
    const bytesLeft = Math.max(0, left);
    const order = { watcher, requestId, agentId, after: taken, bytes: bytesLeft, bytesLeft };
    process.clock.run(() => engine.follow(order));
  };
  const heard = (piece: OutputPiece) => {
    const { sequence, skipped = 0, text, end } = piece;
    world.met(end ? "output to its end" : "output piece");
    if (skipped > 0) world.met("output with a gap that is told");
    // Where nobody knows any more what there was, the end comes without the rest.
    const isRight = !isOver && (end ? sequence <= taken : sequence === taken + skipped + 1);
    world.ledger.output(requestId, isRight, `piece ${sequence} after ${taken}, ${skipped} skipped`);
    if (!end && Number(text) !== sequence) world.ledger.output(requestId, false, "another's text");
    taken = Math.max(taken, sequence);
    left -= (text ?? "").length;
    isOver = end === true;
    if (isOver) engine.unfollow(watcher);
    else if (left <= 0) {
      left = windowBytes;
      // A reader takes its time.
      world.time.after(world.random.int(1, 3_000), ask);
    }
  };
  const watcher = engine.newWatcher(heard);
  const renew = () => {
    if (isOver || process === undefined || !process.clock.isAlive) return;
    ask();
    world.time.after(renewMs, renew);
  };
  renew();
}
