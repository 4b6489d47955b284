import { describe, expect, test } from "bun:test";
import { hourMs, MetricsHour } from "../../../../lib/control/core/agents/metricsHour.ts";
import { buildMetrics } from "../../../../lib/control/metrics/timeSeries.ts";
import {
  metricsHoursRetention,
  metricsMinutesRetentionHours,
} from "../../../../lib/protocol/limits.ts";
import { openJournal } from "../../../support/fixtures/filledJournal.ts";
import { temporaryDir } from "../../../support/processes/processes.ts";

const now = Date.parse("2026-03-01T12:30:20Z");
const nowHour = Math.floor(now / hourMs);

function filled(hour: number, cpu: number): MetricsHour {
  const made = new MetricsHour(hour);
  for (let minute = 0; minute < 60; minute++) {
    made.add(hour * hourMs + minute * 60_000, cpu, 1e9);
  }
  return made;
}

describe("figures on disk", () => {
  test("come back as a day by minutes and a month by hours, with what is not written yet", () => {
    using dir = temporaryDir();
    const journal = openJournal(`${dir}`);
    const hours = [nowHour - 30, nowHour - 2, nowHour - 1];
    journal.metrics.put(hours.map((hour) => ({ agentId: "a", hour: filled(hour, hour % 50) })));
    const unwritten = MetricsHour.parse(now);
    unwritten.add(now, 77, 2e9);
    const { day, month } = buildMetrics(journal.metrics, "a", [unwritten], now);
    expect(day.from).toBe("2026-03-01T10:00:00.000Z");
    expect(day.cpu_percent).toHaveLength(151);
    expect(day.cpu_percent[0]).toBe((nowHour - 2) % 50);
    expect(day.cpu_percent[119]).toBe((nowHour - 1) % 50);
    expect(day.cpu_percent.slice(120, 150)).toEqual(Array(30).fill(null));
    expect(day.cpu_percent[150]).toBe(77);
    expect(day.memory_bytes[150]).toBe(2e9);
    expect(month.cpu_percent).toHaveLength(31);
    expect(month.cpu_percent[0]).toBe((nowHour - 30) % 50);
    expect(buildMetrics(journal.metrics, "b", [], now).day.cpu_percent).toEqual([]);
    journal.close();
  });

  test("metrics: are deleted after their retention, a limited number at a time", () => {
    using dir = temporaryDir();
    const journal = openJournal(`${dir}`);
    const { metrics } = journal;
    const all = Array.from({ length: 800 }, (_, back) => {
      return { agentId: "a", hour: filled(nowHour - back, 5) };
    });
    metrics.put(all);
    const before = nowHour - metricsMinutesRetentionHours;
    expect(metrics.pruneMinutes(before, 700)).toBe(700);
    expect(metrics.pruneMinutes(before, 700)).toBe(75);
    expect(metrics.minutes("a", 0)).toHaveLength(metricsMinutesRetentionHours + 1);
    expect(metrics.hours("a", 0)).toHaveLength(800);
    expect(metrics.pruneHours(nowHour - metricsHoursRetention, 500)).toBe(79);
    expect(metrics.hours("a", 0)).toHaveLength(metricsHoursRetention + 1);
    metrics.deleteAgent("a");
    expect(metrics.hours("a", 0)).toEqual([]);
    journal.close();
  });
});
