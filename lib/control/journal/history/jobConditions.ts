/** The conditions of SQL that the filters of a list of jobs mean. */
import type { Value } from "../../../store/sqlite.ts";
import type { JobsQuery } from "../jobQuery.ts";

export interface Condition {
  sql: string;
  values: Value[];
}

/** Builds the conditions that a job must meet. */
export function ofJob(query: JobsQuery): Condition[] {
  return [
    { sql: "j.is_pruned = 0", values: [] },
    ...columnsOf(query).flatMap(({ column, value }) =>
      value === undefined ? [] : [{ sql: `j.${column} = ?`, values: [value] }],
    ),
  ];
}

/** The filters by a column of jobs, the most selective first, and the index of each. */
export function columnsOf({ schedule, command, createdBy, createdByName }: JobsQuery) {
  return [
    { column: "schedule", index: "jobs_by_schedule", value: schedule },
    { column: "command", index: "jobs_by_command", value: command },
    { column: "created_by", index: "jobs_by_creator", value: createdBy },
    { column: "created_by_name", index: "jobs_by_creator_name", value: createdByName },
  ];
}

/** Builds the conditions that one request must meet. */
export function ofRequest({ agentId, status }: JobsQuery): Condition[] {
  const open = { sql: "r.sequence IS NULL", values: [] };
  const ended = { sql: "r.state = ?", values: [status ?? ""] };
  return [
    ...(agentId === undefined ? [] : [{ sql: "r.agent_id = ?", values: [agentId] }]),
    ...(status === undefined ? [] : [status === "open" ? open : ended]),
  ];
}

/** Joins conditions. */
export function wanted(conditions: readonly Condition[]): string {
  return `(${conditions.map(({ sql }) => sql).join(" AND ")})`;
}
