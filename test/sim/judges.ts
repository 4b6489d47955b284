/** What is held against an outcome as soon as it is written. */
import type { StoredOutcome } from "../../lib/control/core/model.ts";
import { isRollout } from "../../lib/control/core/requests/rollouts.ts";
import { minuteMs } from "./plan.ts";
import type { World } from "./world.ts";

/** A process may stand still for so long, and its disk take nothing right after that. */
const pausesMostMs = 7 * minuteMs;

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

/** Whatever clocks were set to and however long nothing ran: no later than this. */
export function judgeExpiry(
  world: World,
  { requestId, jobId, agentId }: StoredOutcome,
  startedAt: number,
): void {
  const { ledger, disk, time } = world;
  const job = disk.jobs.get(jobId);
  const acceptedAt = world.acceptedAt.get(ledger.markerOf(jobId));
  if (job === undefined || acceptedAt === undefined || isRollout(job)) return;
  // It was paused: its time began anew.
  if (disk.rows.get(requestId)?.request.batchAt !== undefined) return;
  const { hasJumped, wasSet } = world.controlClock;
  const end =
    hasJumped || wasSet
      ? Math.max(acceptedAt, startedAt) + job.ttlMs
      : Math.max(acceptedAt + job.ttlMs, startedAt);
  const isInTime = time.now <= end + pausesMostMs;
  ledger.holds(isInTime, () => `${ledger.markerOf(jobId)}/${agentId} expired late`);
}
