/** Schedules as the control plane's journal keeps them. */
import type { ScheduleOrder } from "../../protocol/schedules.ts";
import type { Database } from "../../store/sqlite.ts";

/** Times in milliseconds since 1970, by the wall clock: schedules follow civil time. */
export interface StoredSchedule {
  scheduleId: string;
  order: ScheduleOrder;
  createdAt: number;
  /** The id of the token under which its jobs are asked for. */
  createdBy: string;
  /** Absent where nothing more is to come. */
  nextAt?: number;
  pausedAt?: number;
  pausedFor?: string;
  last?: { dueAt: number; jobId?: string; notRun?: string };
  /** The latest job that it asked for, whatever came of runs since. */
  latestJobId?: string;
}

/** Every method answers at once and is durable when it returns; a failure throws. */
export interface ScheduleRecords {
  get(name: string): StoredSchedule | undefined;
  /** By name. */
  all(): StoredSchedule[];
  /** Takes the place of the one with its id. */
  put(schedule: StoredSchedule): void;
  remove(scheduleId: string): void;
}

export function scheduleRecordsOn(db: Database): ScheduleRecords {
  type Row = { record: string };
  const get = db.prepare<[string], Row>("SELECT record FROM schedules WHERE name = ?");
  const all = db.prepare<[], Row>("SELECT record FROM schedules ORDER BY name");
  const put = db.prepare<[string, string, string]>(
    `INSERT INTO schedules (schedule_id, name, record) VALUES (?, ?, ?)
       ON CONFLICT (schedule_id) DO UPDATE SET record = excluded.record`,
  );
  const remove = db.prepare<[string]>("DELETE FROM schedules WHERE schedule_id = ?");
  const read = ({ record }: Row) => JSON.parse(record) as StoredSchedule;
  return {
    get: (name) => {
      const row = get.get(name);
      return row === undefined ? undefined : read(row);
    },
    all: () => all.all().map(read),
    put: (schedule) => {
      put.run(schedule.scheduleId, schedule.order.name, JSON.stringify(schedule));
    },
    remove: (scheduleId) => void remove.run(scheduleId),
  };
}
