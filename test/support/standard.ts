/** The communication standard as tables, to judge what is sent to a peer that knows no more. */
import { expect } from "bun:test";
import type { StandardMessage } from "./stranger.ts";

/** Type, then the payload's fields: those that must be there, and those that may. */
type Table = Record<string, { must: string[]; may: string[] }>;

const error = { must: ["code", "message"], may: [] };

export const fromControlPlane: Table = {
  command: { must: ["command"], may: ["parameters"] },
  error,
};

export const fromAgent: Table = {
  status_update: { must: ["cpu_usage", "memory_usage"], may: [] },
  heartbeat: { must: [], may: [] },
  response: { must: ["status"], may: ["message"] },
  error,
};

const withoutId = new Set(["heartbeat", "status_update"]);

/** Every message is one of the table's, with the standard's fields and no other. */
export function expectStandard(messages: readonly StandardMessage[], table: Table): void {
  expect(messages.length).toBeGreaterThan(0);
  for (const message of messages) {
    const { type, payload } = message;
    expect(Object.keys(table)).toContain(type);
    const { must = [], may = [] } = table[type] ?? {};
    const id = withoutId.has(type) ? [] : ["request_id"];
    expect(Object.keys(message).sort()).toEqual([...id, "type", "timestamp", "payload"].sort());
    expect(message.timestamp).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/);
    expect(Object.keys(payload).filter((key) => !may.includes(key))).toEqual(must);
  }
}

/** A message of the standard, as text. */
export function standardText(type: string, payload: object, requestId?: string): string {
  const timestamp = new Date().toISOString();
  return JSON.stringify({ type, request_id: requestId, timestamp, payload });
}
