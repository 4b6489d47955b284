/** Parameters of the routes of the HTTP API, as OpenAPI has them. */
import { jobStatuses } from "../../lib/protocol/api/views.ts";
import type { Json } from "./jsonSchema.ts";

export interface Parameter {
  name: string;
  in: "query" | "header" | "path";
  description: string;
  required?: true;
  schema: Json;
}

export function query(name: string, description: string, schema: Json): Parameter {
  return { name, in: "query", description, schema };
}

const meanings: Readonly<Record<string, string>> = {
  since: "At or after this time.",
  until: "Before this time.",
  by: "By this token or person.",
  agent: "About this agent.",
  action: "This action, such as `job.create`.",
  command: "Of this command.",
  search: "With all of these words in the message or code of a request.",
};

export function optionalText(name: string): Parameter {
  const isTime = name === "since" || name === "until";
  const schema = isTime ? { type: "string", format: "date-time" } : { type: "string" };
  return query(name, meanings[name] ?? "", schema);
}

export function pageQuery(most: number, otherwise: number, cursor: string): Parameter[] {
  const limit = { type: "integer", minimum: 1, maximum: most, default: otherwise };
  return [
    query("limit", "At most this many in a page.", limit),
    query("cursor", cursor, { type: "string" }),
  ];
}

export const jobsQuery: Parameter[] = [
  ...["agent", "command"].map(optionalText),
  query("status", "With a request in this state.", { type: "string", enum: jobStatuses }),
  ...["since", "by", "schedule", "search"].map(optionalText),
  ...pageQuery(500, 50, "`next_cursor` of the page before, or the ID of any job."),
];
