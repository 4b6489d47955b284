/** When a schedule is due, as operators write it, and as agents check it. */
import * as v from "valibot";
import { isTimestamp } from "./timestamp.ts";

const everySecondsMax = 366 * 24 * 60 * 60;
const everyRule = `must be a number from 1 to ${everySecondsMax}`;

/** When a schedule runs: one of these forms. */
export const Timing = v.union(
  [
    /**
     * A cron expression with five fields, or six with seconds first, in this time zone (default
     * UTC).
     */
    v.strictObject({
      cron: v.pipe(v.string(), v.maxLength(256)),
      time_zone: v.optional(v.pipe(v.string(), v.maxLength(64)), "UTC"),
    }),
    v.strictObject({
      every_seconds: v.pipe(
        v.number(everyRule),
        v.minValue(1, everyRule),
        v.maxValue(everySecondsMax, everyRule),
      ),
    }),
    v.strictObject({
      at: v.pipe(v.string(), v.check(isTimestamp, "must be ISO 8601 in UTC")),
    }),
  ],
  'must be {"cron": "0 3 * * *", "time_zone": "Europe/Berlin"}, {"every_seconds": 900} or {"at": "2026-01-02T03:04:05Z"}',
);
export type Timing = v.InferOutput<typeof Timing>;
