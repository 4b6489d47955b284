/** Metrics of agents in the control plane's journal: one row per agent and hour. */
import type { Database } from "../../../store/sqlite.ts";
import { MetricsHour } from "../../core/agents/metricsHour.ts";

/** The summary of an hour. */
export interface HourlyMetrics {
  /** Hours since 1970. */
  hour: number;
  cpuMean: number;
  cpuMax: number;
  memoryMean: number;
}

export interface MetricsTable {
  /** Stores hours in one transaction; existing ones are replaced. */
  put(hours: readonly { agentId: string; hour: MetricsHour }[]): void;
  /** Returns the stored minutes of an agent since an hour, oldest first. */
  minutes(agentId: string, since: number): MetricsHour[];
  hours(agentId: string, since: number): HourlyMetrics[];
  /**
   * Replaces the minutes of up to `limit` hours before this one by their summary. Returns the
   * number of hours.
   */
  pruneMinutes(before: number, limit: number): number;
  pruneHours(before: number, limit: number): number;
  deleteAgent(agentId: string): void;
}

interface Row {
  hour: number;
  minutes: Uint8Array;
}

export function createMetricsTable(db: Database): MetricsTable {
  const put = db.prepare<[string, number, Uint8Array, number, number, number]>(
    `INSERT INTO metrics (agent_id, hour, minutes, cpu_mean, cpu_max, memory_mean)
       VALUES (?, ?, ?, ?, ?, ?)
       ON CONFLICT DO UPDATE SET minutes = excluded.minutes, cpu_mean = excluded.cpu_mean,
         cpu_max = excluded.cpu_max, memory_mean = excluded.memory_mean`,
  );
  const minutes = db.prepare<[string, number], Row>(
    `SELECT hour, minutes FROM metrics
       WHERE agent_id = ? AND hour >= ? AND minutes IS NOT NULL ORDER BY hour`,
  );
  const hours = db.prepare<[string, number], HourlyMetrics>(
    `SELECT hour, cpu_mean AS cpuMean, cpu_max AS cpuMax, memory_mean AS memoryMean
       FROM metrics WHERE agent_id = ? AND hour >= ? ORDER BY hour`,
  );
  const forgetMinutes = db.prepare<[number, number]>(
    `UPDATE metrics SET minutes = NULL WHERE rowid IN
       (SELECT rowid FROM metrics WHERE hour < ? AND minutes IS NOT NULL LIMIT ?)`,
  );
  const forgetHours = db.prepare<[number, number]>(
    "DELETE FROM metrics WHERE rowid IN (SELECT rowid FROM metrics WHERE hour < ? LIMIT ?)",
  );
  const forgetAgent = db.prepare<[string]>("DELETE FROM metrics WHERE agent_id = ?");
  return {
    put: (all) =>
      db.transaction(() => {
        for (const { agentId, hour } of all) {
          const samples = hour.samples();
          const cpu = samples.map(({ cpuPercent }) => cpuPercent);
          const memory = samples.map(({ memoryBytes }) => memoryBytes);
          if (samples.length === 0) continue;
          put.run(agentId, hour.number, hour.bytes(), mean(cpu), Math.max(...cpu), mean(memory));
        }
      }),
    minutes: (agentId, since) =>
      minutes.all(agentId, since).map((row) => new MetricsHour(row.hour, row.minutes)),
    hours: (agentId, since) => hours.all(agentId, since),
    pruneMinutes: (before, limit) => forgetMinutes.run(before, limit),
    pruneHours: (before, limit) => forgetHours.run(before, limit),
    deleteAgent: (agentId) => void forgetAgent.run(agentId),
  };
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
