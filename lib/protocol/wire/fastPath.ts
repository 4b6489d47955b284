/**
 * Fast validation of the most frequent messages, if they contain only their own fields in the usual
 * form. The schemas in `message.ts` decide about all others. A message that passes here would pass
 * there unchanged.
 */
import { isJsonObject, type JsonObject } from "../json.ts";
import { codeCharsMax, subscribeBytesMax, textCharsMax, timeoutSecondsMax } from "../limits.ts";
import { isTimestamp } from "../timestamp.ts";
import { isCpuUsage, isMemoryUsage } from "./usageText.ts";

/** The fields of a frequent message type. */
export interface PlainKind {
  needsRequestId: boolean;
  /** Returns the number of valid fields of a payload; -1 if one is invalid. */
  countFields(payload: JsonObject): number;
}

export const plainKinds = {
  heartbeat: { needsRequestId: false, countFields: () => 0 },
  status_update: { needsRequestId: false, countFields: statusUpdate },
  response: { needsRequestId: true, countFields: response },
  error: { needsRequestId: false, countFields: error },
  command: { needsRequestId: true, countFields: command },
  ack: { needsRequestId: true, countFields: () => 0 },
  subscribe_output: { needsRequestId: true, countFields: subscribeOutput },
};

const plainName = /^[\x21-\x7e]{1,64}$/;

/** Whether the value is a usual message of this type. */
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

/** v1: what a reader takes. */
function subscribeOutput({ subscription_id: id, after, bytes }: JsonObject): number {
  const isRight = isCount(id) && isCount(after) && isCount(bytes);
  return isRight && bytes <= subscribeBytesMax ? 3 : -1;
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && Number(value) >= 0;
}

function countField(field: unknown): number {
  return field === undefined ? 0 : 1;
}

function isSeconds(value: unknown): boolean {
  return typeof value === "number" && value >= 0 && value <= timeoutSecondsMax;
}

/** v1: the times of a command. An invalid or additional one counts as 0. */
function countTimes({ execution_ms: ran, response_age_ms: held }: JsonObject): number {
  return (isMs(ran) ? 1 : 0) + (isMs(held) ? 1 : 0);
}

function isMs(value: unknown): boolean {
  return Number.isInteger(value) && Number(value) >= 0;
}

function isText(value: unknown): value is string {
  return typeof value === "string" && value.length <= textCharsMax && value.isWellFormed();
}

/** Whether a value contains no nested objects, or only one level of them. */
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
