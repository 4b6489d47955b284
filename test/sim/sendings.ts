/** Whether a request may be sent now: what its job's turns, pauses, approvals and failures allow. */
import type { Job } from "../../lib/control/core/model.ts";
import type { Row } from "./controlRecords.ts";
import type { World } from "./world.ts";

/** `rows`: all requests of the job, in their order, as they are on disk with this sending. */
export function judgeSending(world: World, job: Job, row: Row, rows: readonly Row[]): void {
  const { ledger } = world;
  const marker = ledger.markerOf(job.jobId);
  const underWay = rows.filter(({ request, outcome }) => {
    return request.state === "sent" && outcome === undefined;
  });
  ledger.bounded(`requests of ${marker} under way`, underWay.length, job.batch ?? rows.length);
  const failures = rows.filter(isFailure).length;
  const most = job.maxFailures ?? rows.length;
  ledger.bounded(`failures of ${marker} before a sending`, failures, most);
  const mayGo = job.needsApproval !== true || job.approvedBy !== undefined;
  ledger.holds(mayGo, () => `${marker} was sent without an approval`);
  ledger.holds(job.pausedAt === undefined, () => `${marker} was sent while it was paused`);
  judgeTurn(world, job, row, rows);
}

/** Every request of an earlier turn has ended, long enough ago; no canary has failed. */
function judgeTurn(world: World, job: Job, row: Row, rows: readonly Row[]): void {
  const { ledger } = world;
  const marker = ledger.markerOf(job.jobId);
  const { canary = 0, waves, batch = rows.length } = job;
  const turn = (position: number) => {
    if (position < canary) return -1;
    return waves ? Math.floor((position - canary) / batch) : 0;
  };
  const own = turn(rows.indexOf(row));
  const earlier = rows.filter((_, position) => turn(position) < own);
  ledger.holds(
    earlier.every(({ outcome }) => outcome !== undefined),
    () => `${marker} was sent before its turn`,
  );
  const hasVouched = ({ outcome }: Row) => outcome === undefined || outcome.outcome === "success";
  const isVouchedFor = rows.slice(0, canary).every(hasVouched);
  ledger.holds(isVouchedFor, () => `${marker} was sent although a canary had failed`);
  const { controlClock } = world;
  if (earlier.length === 0 || controlClock.hasJumped || controlClock.wasSet) return;
  // A turn of which nobody was sent anything is none: what was waited for is the one before it.
  const isWhole = earlier.every(({ request }) => request.sentAt !== undefined);
  const { canaryPauseMs = 0, batchPauseMs = 0 } = job;
  const ownMs = own === 0 && canary > 0 ? canaryPauseMs : waves ? batchPauseMs : 0;
  const pauseMs = isWhole ? ownMs : Math.min(canaryPauseMs, batchPauseMs);
  world.met(canary > 0 && own === 0 ? "rollout past its canaries" : "rollout in its next wave");
  const since = Math.max(...earlier.map(({ outcome }) => outcome?.endedAt ?? 0));
  const waitedMs = (row.request.sentAt ?? 0) - since;
  ledger.holds(waitedMs >= pauseMs, () => `${marker} was sent ${waitedMs} ms after its last turn`);
}

function isFailure({ outcome }: Row): boolean {
  return outcome !== undefined && !["success", "cancelled"].includes(outcome.outcome);
}
