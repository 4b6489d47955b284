/** What the tables of operations are made of. */
import type * as v from "valibot";
import { AcceptedLine } from "../../lib/protocol/api/views.ts";
import { made } from "./answers.ts";
import { type Parameter, query } from "./parameters.ts";

export interface Answer {
  status: number;
  what: string;
  /** Absent if the answer has no body. */
  schema?: v.GenericSchema;
  /** By default JSON. */
  type?: string;
}

export interface Operation {
  id: string;
  summary: string;
  /** By default one of 200. */
  answers: Answer[];
  parameters?: Parameter[];
  /** Only for a route without a token; the others name theirs themselves. */
  body?: v.GenericSchema;
}

export function ok(schema: v.GenericSchema, what: string): Answer[] {
  return [{ status: 200, what, schema }];
}

export const gone: Answer[] = [{ status: 204, what: "It is deleted" }];
export const ndjson = "application/x-ndjson";
export const stream: Answer[] = [
  { status: 200, what: "One line of JSON each", schema: made.StreamLine, type: ndjson },
];
export const accepted: Answer[] = [
  {
    status: 202,
    // Named in words: generated clients would mix the types of two bodies of one status.
    what: "The job is on disk. With `Accept: application/x-ndjson` the body is one line of JSON each: `AcceptedLine`, then a `StreamLine` for each outcome",
    schema: AcceptedLine,
  },
];
export const idempotencyKey: Parameter = {
  name: "Idempotency-Key",
  in: "header",
  description: "The same key with the same body is the same job.",
  schema: { type: "string", pattern: "^[!-~]{1,128}$" },
};
export const output = query("output", "With NDJSON: live output too.", { type: "boolean" });
