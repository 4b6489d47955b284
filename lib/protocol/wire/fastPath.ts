/**
 * Messages that are plainly right, told at a glance: the commonest kinds, with nothing in them but
 * their own fields, and these as everybody writes them. Of everything else the schemas of
 * `message.ts` are the only judge; what passes here would pass there, unchanged.
 */
import { isJsonObject, type JsonObject } from "../json.ts";
import { codeCharsMax, textCharsMax, timeoutSecondsMax } from "../limits.ts";
import { isTimestamp } from "../timestamp.ts";
import { isCpuUsage, isMemoryUsage } from "./usageText.ts";

/** What is plain of a kind of message. */
export interface PlainKind {
  needsRequestId: boolean;
  /** How many fields a payload has, all of them right; -1 where one is not. */
  countFields(payload: JsonObject): number;
}

export const plainKinds = {
  heartbeat: { needsRequestId: false, countFields: () => 0 },
  status_update: { needsRequestId: false, countFields: statusUpdate },
  response: { needsRequestId: true, countFields: response },
  error: { needsRequestId: false, countFields: error },
  command: { needsRequestId: true, countFields: command },
  ack: { needsRequestId: true, countFields: () => 0 },
};

const plainName = /^[\x21-\x7e]{1,64}$/;

/** Whether it is plainly right, as a message of this kind. */
export function isPlain(value: JsonObject, { needsRequestId, countFields }: PlainKind): boolean {
  const { request_id: id, timestamp, payload } = value;
  if (typeof timestamp !== "string" || !isTimestamp(timestamp)) return false;
  if (!isJsonObject(payload) || countKeys(payload) !== countFields(payload)) return false;
  if (id === undefined) return !needsRequestId && countKeys(value) === 3;
  return typeof id === "string" && plainName.test(id) && countKeys(value) === 4;
}

function statusUpdate({ cpu_usage: cpu, memory_usage: memory }: JsonObject): number {
  const isRight = typeof cpu === "string" && typeof memory === "string";
  return isRight && isCpuUsage(cpu) && isMemoryUsage(memory) ? 2 : -1;
}

function response(payload: JsonObject): number {
  const { status, message, result } = payload;
  if (status !== "success" && status !== "failed") return -1;
  if (message !== undefined && !isText(message)) return -1;
  if (result !== undefined && !isFlat(result)) return -1;

  return 1 + countField(message) + countField(result) + countTimes(payload);
}

function error(payload: JsonObject): number {
  const { code, message } = payload;
  if (!isText(code) || code === "" || code.length > codeCharsMax || !isText(message)) return -1;
  return 2 + countTimes(payload);
}

function command(payload: JsonObject): number {
  const { command: name, parameters, timeout_seconds: seconds, expires_at: by } = payload;
  if (typeof name !== "string" || !plainName.test(name)) return -1;
  if (parameters !== undefined && !(isJsonObject(parameters) && isFlat(parameters))) return -1;
  if (seconds !== undefined && !isSeconds(seconds)) return -1;
  if (by !== undefined && (typeof by !== "string" || !isTimestamp(by))) return -1;
  return 1 + countField(parameters) + countField(seconds) + countField(by);
}

function countField(field: unknown): number {
  return field === undefined ? 0 : 1;
}

function isSeconds(value: unknown): boolean {
  return typeof value === "number" && value >= 0 && value <= timeoutSecondsMax;
}

/** v1: of how a command ran. One that is not right counts for nothing, and so is one too many. */
function countTimes({ execution_ms: ran, response_age_ms: held }: JsonObject): number {
  return (isMs(ran) ? 1 : 0) + (isMs(held) ? 1 : 0);
}

function isMs(value: unknown): boolean {
  return Number.isInteger(value) && Number(value) >= 0;
}

function isText(value: unknown): value is string {
  return typeof value === "string" && value.length <= textCharsMax && value.isWellFormed();
}

/** A value that is none of others, or an object of such ones. */
function isFlat(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return isPrimitive(value);
  if (!isJsonObject(value)) return false;
  for (const name in value) if (!name.isWellFormed() || !isPrimitive(value[name])) return false;
  return true;
}

function isPrimitive(value: unknown): boolean {
  if (typeof value === "string") return value.isWellFormed();
  if (typeof value === "number") return Number.isFinite(value);
  return typeof value === "boolean" || value === null;
}

function countKeys(value: JsonObject): number {
  let count = 0;
  for (const _ in value) count++;
  return count;
}
