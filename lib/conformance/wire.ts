/** Messages of the standard as the suite sends and judges them, without the product's own codec. */
import { isJsonObject, type JsonObject } from "../protocol/json.ts";
import { Mismatch } from "./check.ts";
import type { ReceivedMessage } from "./link.ts";

/** The text of a message; `fields` replaces members of the envelope, and undefined removes one. */
export function message(type: string, payload: unknown, fields: JsonObject = {}): string {
  return JSON.stringify({ type, timestamp: new Date().toISOString(), payload, ...fields });
}

export function typeOf({ value }: ReceivedMessage): unknown {
  return isJsonObject(value) ? value.type : undefined;
}

export function requestIdOf({ value }: ReceivedMessage): unknown {
  return isJsonObject(value) ? value.request_id : undefined;
}

export function payloadOf({ value }: ReceivedMessage): JsonObject {
  const payload = isJsonObject(value) ? value.payload : undefined;
  return isJsonObject(payload) ? payload : {};
}

const shownCharsMax = 160;

/** A value of the peer, shortened for a report. */
export function shown(value: unknown): string {
  const text = JSON.stringify(value) ?? "nothing";
  return text.length <= shownCharsMax ? text : `${text.slice(0, shownCharsMax)}…`;
}

/** @throws {Mismatch} unless the condition holds */
export function expectThat(condition: boolean, expected: string, seen: unknown): void {
  if (!condition) throw new Mismatch(`expected ${expected}, got ${shown(seen)}`);
}

/** ISO 8601 in UTC, of a day that exists; a time without zone or with another offset is not UTC. */
export function isUtcTimestamp(value: unknown): boolean {
  if (typeof value !== "string") return false;
  const shape = /^(\d{4}-\d\d-\d\d)T([01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d{1,9})?(?:Z|\+00:00)$/;
  const [, day] = shape.exec(value) ?? [];
  return day !== undefined && new Date(`${day}T00:00:00Z`).toISOString?.().startsWith(day);
}

/** Ways to break a message that both sides must be able to refuse. */
export interface Broken {
  name: string;
  what: string;
  text: string;
}

/** @param good A valid message of a type that the peer takes, whose id is `broken`. */
export function brokenMessages(good: JsonObject): Broken[] {
  const without = (key: string) => JSON.stringify({ ...good, [key]: undefined });
  const having = (key: string, value: unknown) => JSON.stringify({ ...good, [key]: value });
  const deep = `${'{"a":'.repeat(40)}1${"}".repeat(40)}`;
  const payload = good.payload as JsonObject;
  return [
    { name: "not-json", what: "text that is no JSON", text: "{type: command}" },
    { name: "cut-off", what: "JSON that is cut off", text: JSON.stringify(good).slice(0, -2) },
    { name: "empty", what: "an empty text", text: "" },
    { name: "list", what: "a list instead of an object", text: JSON.stringify([good]) },
    { name: "string", what: "a string instead of an object", text: '"command"' },
    { name: "null", what: "null instead of an object", text: "null" },
    { name: "no-type", what: "a message without type", text: without("type") },
    { name: "type-number", what: "a type that is a number", text: having("type", 1) },
    { name: "no-timestamp", what: "a message without timestamp", text: without("timestamp") },
    {
      name: "timestamp-number",
      what: "a timestamp that is a number",
      text: having("timestamp", 1_700_000_000),
    },
    {
      name: "timestamp-offset",
      what: "a timestamp that is not in UTC",
      text: having("timestamp", "2026-01-02T03:04:05+02:00"),
    },
    {
      name: "timestamp-day",
      what: "a timestamp of a day that does not exist",
      text: having("timestamp", "2026-02-30T03:04:05Z"),
    },
    { name: "no-payload", what: "a message without payload", text: without("payload") },
    { name: "payload-null", what: "a payload that is null", text: having("payload", null) },
    { name: "payload-list", what: "a payload that is a list", text: having("payload", []) },
    { name: "payload-string", what: "a payload that is a string", text: having("payload", "x") },
    {
      name: "nested",
      what: "a message nested in more than 32 levels",
      text: JSON.stringify({ ...good, payload: { ...payload, extra: 0 } }).replace(
        '"extra":0',
        `"extra":${deep}`,
      ),
    },
    {
      name: "type-unknown",
      what: "a message of an unknown type",
      text: having("type", "no_such_type"),
    },
  ];
}
