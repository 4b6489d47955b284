/** Schedules in the control plane's journal. */
import type { ScheduleSpec } from "../../../protocol/api/schedules.ts";
import type { Database } from "../../../store/sqlite.ts";
import type { IndexReads } from "../index/currentIndex.ts";

/** Times in milliseconds since 1970 on the wall clock, because schedules follow civil time. */
export interface StoredSchedule {
  scheduleId: string;
  spec: ScheduleSpec;
  createdAt: number;
  /** The id of the token that creates its jobs. */
  createdBy: string;
  /** Absent if there is no further run. */
  nextAt?: number;
  /**
   * How often the clock was set back since its creation. Its intervals are counted from `at` if
   * that is before its creation.
   */
  setBack?: { at: number; count: number };
  pausedAt?: number;
  pauseReason?: string;
  last?: { dueAt: number; jobId?: string; skipReason?: string };
  /** If it is signed: how many runs have started, and whether an event has said that it ends soon. */
  runs?: number;
  isEnding?: true;
  /** The latest job that it created, even if later runs were skipped. */
  latestJobId?: string;
}

/** Returns the schedule without a next run, until it is resumed. */
export function pausedSchedule(
  { nextAt: _next, ...rest }: StoredSchedule,
  pausedAt: number,
  pauseReason?: string,
): StoredSchedule {
  return { ...rest, pausedAt, ...(pauseReason === undefined ? {} : { pauseReason }) };
}

export type ScheduleFact =
  | { type: "schedule_stored"; schedule: StoredSchedule }
  | { type: "schedule_removed"; schedule_id: string };

/** All methods are synchronous, durable when they return, and throw on failure. */
export interface ScheduleTable {
  get(name: string): StoredSchedule | undefined;
  /** Sorted by name. */
  all(): StoredSchedule[];
  /** Replaces the schedule with the same id. */
  put(schedule: StoredSchedule): void;
  remove(schedule: StoredSchedule): void;
  /** The size of all schedules as JSON. */
  readonly bytes: number;
}

/**
 * Keeps all schedules in memory, because they are read every few seconds; changes are recorded
 * first.
 *
 * @param record makes facts durable, and writes them into the index, before it returns
 */
export function createScheduleTable(
  db: IndexReads,
  record: (...facts: ScheduleFact[]) => void,
): ScheduleTable {
  type Row = { record: string };
  const all = db.prepare<[], Row>("SELECT record FROM schedules");
  const held = new Map<string, { schedule: StoredSchedule; bytes: number }>();
  const hold = (schedule: StoredSchedule, text: string) =>
    held.set(schedule.spec.name, { schedule, bytes: Buffer.byteLength(text) });
  for (const row of all.all()) hold(JSON.parse(row.record) as StoredSchedule, row.record);
  return {
    get: (name) => held.get(name)?.schedule,
    all: () => {
      const names = [...held.keys()].sort();
      return names.flatMap((name) => held.get(name)?.schedule ?? []);
    },
    get bytes() {
      return [...held.values()].reduce((sum, { bytes }) => sum + bytes, 0);
    },
    put: (schedule) => {
      const text = JSON.stringify(schedule);
      record({ type: "schedule_stored", schedule });
      hold(schedule, text);
    },
    remove: ({ scheduleId, spec }) => {
      record({ type: "schedule_removed", schedule_id: scheduleId });
      held.delete(spec.name);
    },
  };
}

/** Writes schedules into the index. */
export function scheduleWriter(db: Database) {
  const store = db.prepare<[string, string, string]>(
    `INSERT INTO schedules (schedule_id, name, record) VALUES (?, ?, ?)
       ON CONFLICT (schedule_id) DO UPDATE SET record = excluded.record`,
  );
  const remove = db.prepare<[string]>("DELETE FROM schedules WHERE schedule_id = ?");
  return {
    store: (schedule: StoredSchedule) => {
      store.run(schedule.scheduleId, schedule.spec.name, JSON.stringify(schedule));
    },
    remove: (scheduleId: string) => void remove.run(scheduleId),
  };
}
