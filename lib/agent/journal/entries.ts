/**
 * The entries of an agent's log: facts in JSON, one line each. The step of a request is in the
 * entry's type. `docs/reference/log-format.md` lists them.
 */
import * as v from "valibot";
import { isJsonObject, type JsonObject } from "../../protocol/json.ts";
import { timestamp } from "../../protocol/timestamp.ts";
import type { AgentWrite, Identity, RequestRecord, ScheduledRun } from "../core/model.ts";

/** The steps of a request that an entry records. */
type RecordedState = Exclude<RequestRecord["state"], "acknowledged">;

export type AgentEntry = { /** ISO 8601, on the wall clock. */ at: string } & (
  | { type: "identity_assigned"; identity: Identity }
  | { type: `request_${RecordedState}`; request: Omit<RequestRecord, "state"> }
  | { type: "response_acknowledged"; request_id: string }
  | {
      type: "entries_removed";
      /** The sequence of the last removed entry, and the digest of its batch in hexadecimal. */
      through: number;
      digest: string;
      entries: number;
      reason: string;
      /** The latest runs of signed schedules that only the removed entries had. */
      runs?: ScheduledRun[];
    }
);

const states = ["accepted", "started", "restarting", "ended"] as const;

const At = v.pipe(v.string(), v.isoTimestamp());
const StoredIdentity = v.object({
  journalId: v.string(),
  epoch: v.number(),
  lineage: v.exactOptional(v.string()),
});
const StoredRun = v.object({
  scheduleId: v.string(),
  dueAt: v.number(),
  runs: v.number(),
  keepUntil: v.number(),
});
/** A fault of the program that wrote the log must not become a fault of what runs. */
const StoredRequest = v.looseObject({
  requestId: v.string(),
  command: v.string(),
  parameters: v.custom<JsonObject>(isJsonObject),
  timeoutMs: v.number(),
  keepUntil: v.number(),
  since: v.number(),
  run: v.exactOptional(StoredRun),
});

const RequestEntry = v.object({
  type: v.picklist(states.map((state) => `request_${state}` as const)),
  at: At,
  request: StoredRequest,
});

const Entry = v.variant("type", [
  RequestEntry,
  v.object({ type: v.literal("identity_assigned"), at: At, identity: StoredIdentity }),
  v.object({ type: v.literal("response_acknowledged"), at: At, request_id: v.string() }),
  v.object({
    type: v.literal("entries_removed"),
    at: At,
    through: v.number(),
    digest: v.string(),
    entries: v.number(),
    reason: v.string(),
    runs: v.exactOptional(v.array(StoredRun)),
  }),
]);

/**
 * Returns the entry of a write.
 *
 * @param wall the time on the wall clock in milliseconds since 1970; the core has another clock
 */
export function toEntry(write: AgentWrite, wall: number): AgentEntry {
  const at = timestamp(wall);
  if (write.type === "putIdentity")
    return { type: "identity_assigned", at, identity: write.identity };
  if (write.type === "markAcknowledged") {
    return { type: "response_acknowledged", at, request_id: write.requestId };
  }
  const { state, ...request } = write.record;
  if (state === "acknowledged") {
    return { type: "response_acknowledged", at, request_id: request.requestId };
  }
  return { type: `request_${state}`, at, request };
}

/** @throws an error that says what is wrong with the entry */
export function parseEntry(line: string): AgentEntry {
  const value = JSON.parse(line);
  // Most entries are of requests, and a start reads all of them.
  const isOfRequest = String(value?.type).startsWith("request_");
  const parsed = v.safeParse(isOfRequest ? RequestEntry : Entry, value);
  // The schema checks what a start depends on; the rest is as this program wrote it.
  if (parsed.success) return parsed.output as unknown as AgentEntry;
  throw new Error(`entry of type "${value?.type}": ${parsed.issues[0].message}`);
}

/** Returns the record of a request from its entry; undefined for another entry. */
export function toRecord(entry: AgentEntry): RequestRecord | undefined {
  if (!("request" in entry)) return undefined;
  const state = entry.type.slice("request_".length) as RecordedState;
  return { ...entry.request, state };
}
