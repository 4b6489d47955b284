/** Builds an agent's metrics for the API: a day by minutes and a month by hours. */
import type { AgentMetrics, Series } from "../../protocol/api/views.ts";
import { metricsHoursRetention, metricsMinutesRetentionHours } from "../../protocol/limits.ts";
import { timestamp } from "../../protocol/timestamp.ts";
import type { MetricsHour } from "../core/agents/metricsHour.ts";
import { hourMs, minuteMs } from "../core/agents/metricsHour.ts";
import type { MetricsTable } from "../journal/tables/metricsTable.ts";

/** @param unwritten Hours that are not on disk yet, or whose stored version is older. */
export function buildMetrics(
  records: MetricsTable,
  agentId: string,
  unwritten: readonly MetricsHour[],
  now: number,
): AgentMetrics {
  const hour = Math.floor(now / hourMs);
  const fromHour = hour - metricsMinutesRetentionHours + 1;
  const stored = records.minutes(agentId, fromHour);
  const latest = new Map([...stored, ...unwritten].map((each) => [each.number, each]));
  const day = emptySeries(
    fromHour * hourMs,
    minuteMs,
    Math.floor(now / minuteMs) + 1 - fromHour * 60,
  );
  for (const each of latest.values()) {
    for (const { at, cpuPercent, memoryBytes } of each.samples()) {
      put(day, (at - fromHour * hourMs) / minuteMs, cpuPercent, memoryBytes);
    }
  }
  const firstHour = hour - metricsHoursRetention + 1;
  const month = emptySeries(firstHour * hourMs, hourMs, metricsHoursRetention);
  for (const { hour: number, cpuMean, memoryMean } of records.hours(agentId, firstHour)) {
    put(month, number - firstHour, cpuMean, memoryMean);
  }
  return { day: trimmed(day), month: trimmed(month) };
}

function emptySeries(from: number, stepMs: number, length: number): Series {
  return {
    from: timestamp(from),
    step_seconds: stepMs / 1000,
    cpu_percent: Array<number | null>(length).fill(null),
    memory_bytes: Array<number | null>(length).fill(null),
  };
}

function put(series: Series, index: number, cpuPercent: number, memoryBytes: number): void {
  if (index < 0 || index >= series.cpu_percent.length) return;
  series.cpu_percent[index] = Math.round(cpuPercent * 10) / 10;
  series.memory_bytes[index] = Math.round(memoryBytes);
}

/** Removes leading steps without data. */
function trimmed(series: Series): Series {
  const first = series.cpu_percent.findIndex((value) => value !== null);
  if (first < 0) return { ...series, cpu_percent: [], memory_bytes: [] };
  return {
    ...series,
    from: timestamp(Date.parse(series.from) + first * series.step_seconds * 1000),
    cpu_percent: series.cpu_percent.slice(first),
    memory_bytes: series.memory_bytes.slice(first),
  };
}
