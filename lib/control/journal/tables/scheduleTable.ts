/** Schedules as the control plane's journal keeps them. */
import type { ScheduleRequest } from "../../../protocol/api/schedules.ts";
import type { Database } from "../../../store/sqlite.ts";

/** Times in milliseconds since 1970, by the wall clock: schedules follow civil time. */
export interface StoredSchedule {
  scheduleId: string;
  order: ScheduleRequest;
  createdAt: number;
  /** The id of the token under which its jobs are asked for. */
  createdBy: string;
  /** Absent where nothing more is to come. */
  nextAt?: number;
  /**
   * The clock was set back this many times under it. Its intervals are counted from `at` if that is
   * before its creation.
   */
  setBack?: { at: number; count: number };
  pausedAt?: number;
  pauseReason?: string;
  last?: { dueAt: number; jobId?: string; skipReason?: string };
  /** The latest job that it asked for, whatever came of runs since. */
  latestJobId?: string;
}

/** Every method answers at once and is durable when it returns; a failure throws. */
export interface ScheduleTable {
  get(name: string): StoredSchedule | undefined;
  /** By name. */
  all(): StoredSchedule[];
  /** Takes the place of the one with its id. */
  put(schedule: StoredSchedule): void;
  remove(schedule: StoredSchedule): void;
  /** Of all together, as JSON. */
  readonly bytes: number;
}

/** Held in memory, where they are looked at every few seconds; changed on disk first. */
export function createScheduleTable(db: Database): ScheduleTable {
  type Row = { record: string };
  const all = db.prepare<[], Row>("SELECT record FROM schedules");
  const put = db.prepare<[string, string, string]>(
    `INSERT INTO schedules (schedule_id, name, record) VALUES (?, ?, ?)
       ON CONFLICT (schedule_id) DO UPDATE SET record = excluded.record`,
  );
  const remove = db.prepare<[string]>("DELETE FROM schedules WHERE schedule_id = ?");
  const held = new Map<string, { schedule: StoredSchedule; bytes: number }>();
  const hold = (schedule: StoredSchedule, text: string) =>
    held.set(schedule.order.name, { schedule, bytes: Buffer.byteLength(text) });
  for (const { record } of all.all()) hold(JSON.parse(record) as StoredSchedule, record);
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
      put.run(schedule.scheduleId, schedule.order.name, text);
      hold(schedule, text);
    },
    remove: ({ scheduleId, order }) => {
      remove.run(scheduleId);
      held.delete(order.name);
    },
  };
}
