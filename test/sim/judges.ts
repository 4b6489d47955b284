/** What is held against an outcome as soon as it is written. */
import type { StoredOutcome } from "../../lib/control/core/model.ts";
import type { World } from "./world.ts";

/** Times follow the system's clock, also when it is set. */
export function judgeTime(world: World, { jobId, agentId, endedAt }: StoredOutcome): void {
  const { ledger, controlClock, time } = world;
  // What could not be written has the time of then.
  if (world.hasHeld) return;
  const request = () => `${ledger.markerOf(jobId)}/${agentId}`;
  const isOwn = controlClock.isOwn(endedAt, time.now);
  ledger.holds(isOwn, () => `${request()} has ended at a time of another clock`);
}

/** What has arrived is read before any timer is judged. */
export function judgeTimeout(world: World, { requestId, jobId, agentId }: StoredOutcome): void {
  const { ledger, control } = world;
  const isUnread = control?.clock.unread.has(requestId) === true;
  const request = () => `${ledger.markerOf(jobId)}/${agentId}`;
  ledger.holds(!isUnread, () => `${request()} is lost while its answer lies unread`);
}
