/** Opens the journal of a control plane, and watches whether its agents know a newer one. */

import type { Log } from "../../../log/log.ts";
import type { WsctlError } from "../../../protocol/errors.ts";
import { timestamp } from "../../../protocol/timestamp.ts";
import type { Clock } from "../../../time/clock.ts";
import type { ControlJournal } from "../journal.ts";
import { type ControlJournalOptions, openControlJournal } from "../openControlJournal.ts";
import { ControlLineage } from "./controlLineage.ts";
import { LineageGuard, supersededError } from "./lineageGuard.ts";

export interface OpenJournalOptions
  extends Omit<ControlJournalOptions, "openLog" | "onProgress" | "onFault"> {
  clock: Pick<Clock, "after" | "wall" | "now">;
  log: Log;
  /** That of the cluster, which is open. */
  journal?: ControlJournal | undefined;
  /** Goes on although a control plane that was restored from a backup of this one has taken over. */
  isTakingOver?: boolean | undefined;
}

/** How often the progress of a long start is logged. */
const progressMs = 2_000;

/**
 * Opens the journal in the data directory, or takes the given one.
 *
 * @throws {WsctlError} CONFLICT if another control plane has taken over, STORAGE_UNAVAILABLE
 */
export function openJournal(options: OpenJournalOptions): ControlJournal {
  const journal = options.journal ?? openFiles(options);
  if (options.isTakingOver) takeOver(journal, options.clock.wall());
  const { supersededBy } = journal.lineage.get();
  if (supersededBy === undefined) return journal;
  journal.close();
  throw supersededError(supersededBy);
}

function openFiles({ log, ...options }: OpenJournalOptions): ControlJournal {
  const { clock } = options;
  let saidAt = clock.now();
  const onProgress = (entries: number) => {
    if (clock.now() - saidAt < progressMs) return;
    saidAt = clock.now();
    log.info("index being built", { entries });
  };
  const onFault = (error: WsctlError) => log.error(error.message);
  const journal = openControlJournal({ ...options, onProgress, onFault });
  void journal.rebuild?.complete.then(() => log.info("index rebuilt"));
  const { tornBytes: bytes } = journal.recorder.log;
  if (bytes > 0) log.warn("unfinished log entry removed", { bytes });
  return journal;
}

/** From now on this control plane is the newest of those with the same past. */
function takeOver(journal: ControlJournal, at: number): void {
  journal.lineage.restored(at);
  const resource = { restored_at: timestamp(at) };
  journal.audit.write({ action: "control_plane.takeover", outcome: "accepted", resource });
}

/** @param end called once if another control plane has taken over */
export function guardLineage(
  journal: ControlJournal,
  log: Log,
  end: (error: WsctlError) => void,
): LineageGuard {
  return new LineageGuard({
    lineage: new ControlLineage(journal),
    superseded(by) {
      end(supersededError(by));
      journal.lineage.superseded(by);
    },
    setBack(sequence, agent) {
      const reason = "an older copy has taken the place of its files, or the disk has lost some";
      const advice = "Restore a backup: that ends what is not known as lost";
      const text = `The log ends before entry ${sequence}, which agent ${agent} knows: ${reason}`;
      log.error(`${text}. ${advice}`);
      const resource = { agent, last_sequence: sequence };
      journal.audit.write({ action: "control_plane.set_back", outcome: "accepted", resource });
    },
  });
}
