/**
 * The entries of the control plane's log: facts in JSON, one line each.
 * `docs/reference/log-format.md` lists them.
 */
import type { AuditDetails } from "../../protocol/api/audit.ts";
import type { EventType } from "../../protocol/api/events.ts";
import { errorText, WsctlError } from "../../protocol/errors.ts";
import type { JsonObject } from "../../protocol/json.ts";
import { timestamp } from "../../protocol/timestamp.ts";
import type { AgentRecord, ControlWrite, Job, OpenRequest, Outcome } from "../core/model.ts";
import type { ArtifactFact } from "./tables/artifactTable.ts";
import type { DefinitionFact } from "./tables/definitionTable.ts";
import type { LineageFact } from "./tables/lineageTable.ts";
import type { ReleaseFact } from "./tables/releaseTable.ts";
import type { ScheduleFact } from "./tables/scheduleTable.ts";
import type { TokenFact } from "./tables/tokenTable.ts";

/** Times within a fact are milliseconds since 1970 on the clock that the core used. */
export type ControlFact =
  | LineageFact
  | { type: "job_created"; job: Job; requests: OpenRequest[] }
  | { type: "job_cancelled"; job_id: string; time: number }
  | { type: "job_approved"; job_id: string; by: string }
  /** Without a time, the job continues. */
  | { type: "job_paused"; job_id: string; time?: number }
  | { type: "batch_started"; request_id: string; time: number }
  | { type: "request_sent"; request_id: string; time: number; journal_id?: string }
  | { type: "request_ended"; outcome: Outcome }
  | { type: "agent_stored"; agent: AgentRecord }
  | { type: "agent_removed"; agent_id: string }
  | TokenFact
  | ScheduleFact
  | DefinitionFact
  | ReleaseFact
  | ArtifactFact
  | { type: "capabilities_stored"; digest: string; text: string }
  | { type: "capabilities_removed"; digest: string }
  /** Only for the audit trail. */
  | { type: "action_recorded"; details: AuditDetails }
  /** An event that no other entry tells. */
  | { type: "event_recorded"; event: EventType; data: JsonObject }
  | {
      type: "entries_removed";
      /** The sequence of the last removed entry, and the digest of its batch in hexadecimal. */
      through: number;
      digest: string;
      entries: number;
      reason: string;
    };

export type ControlEntry = ControlFact & {
  /** ISO 8601, on the wall clock. */
  at: string;
};

/** @param wall the time on the wall clock in milliseconds since 1970 */
export function encodeFact(fact: ControlFact, wall: number): string {
  return JSON.stringify(Object.assign({ type: fact.type, at: timestamp(wall) }, fact));
}

/** @throws an error that says what is wrong with the entry */
export function parseEntry(line: string): ControlEntry {
  const entry = JSON.parse(line) as ControlEntry;
  if (typeof entry.type === "string" && typeof entry.at === "string") return entry;
  throw new Error("it has no type or no time");
}

/** @throws {WsctlError} STORAGE_UNAVAILABLE if the entry is not one of this version */
export function parseFact(line: string, sequence: number): ControlEntry {
  try {
    return parseEntry(line);
  } catch (error) {
    const text = `Cannot use the log: entry ${sequence} is not one of this version`;
    throw new WsctlError("STORAGE_UNAVAILABLE", `${text}: ${errorText(error)}`);
  }
}

/** Returns the fact of a write of the core. */
export function toFact(write: ControlWrite): ControlFact {
  switch (write.type) {
    case "putJob":
      return { type: "job_created", job: write.job, requests: write.requests };
    case "markSent": {
      const { requestId: request_id, sentAt: time, journalId: journal_id } = write;
      const journal = journal_id === undefined ? {} : { journal_id };
      return { type: "request_sent", request_id, time, ...journal };
    }
    case "putOutcome":
      return { type: "request_ended", outcome: write.outcome };
    case "markCancelled":
      return { type: "job_cancelled", job_id: write.jobId, time: write.at };
    case "markApproved":
      return { type: "job_approved", job_id: write.jobId, by: write.by };
    case "markBatchStarted":
      return { type: "batch_started", request_id: write.requestId, time: write.at };
    case "setPaused": {
      const time = write.at === undefined ? {} : { time: write.at };
      return { type: "job_paused", job_id: write.jobId, ...time };
    }
    case "putAgent":
      return { type: "agent_stored", agent: write.facts };
    case "deleteAgent":
      return { type: "agent_removed", agent_id: write.agentId };
    case "appendAudit":
      return { type: "action_recorded", details: write.facts };
    default:
      return write satisfies never;
  }
}
