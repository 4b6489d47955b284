/** Parses durations, times, sizes, agent ids and parameters of the command line. */
import * as v from "valibot";
import { isPercentage } from "../../lib/protocol/api/target.ts";
import {
  findUnsafeNumber,
  isJsonObject,
  type JsonObject,
  setKey,
} from "../../lib/protocol/json.ts";
import { findLossyJson } from "../../lib/protocol/jsonText.ts";
import { AgentId } from "../../lib/protocol/names.ts";
import { isTimestamp, normalTimestamp, timestamp } from "../../lib/protocol/timestamp.ts";
import { usage } from "../cli/strictArgs.ts";

const unitSeconds: Record<string, number> = { ms: 0.001, s: 1, m: 60, h: 3600, d: 86_400 };

/**
 * Parses `30s`, `5m`, `1h`, `7d` or `500ms`; a bare number is seconds.
 * @throws {WsctlError} USAGE with the flag.
 */
export function parseSeconds(flag: string, text: string): number {
  const parts = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)?$/.exec(text);
  if (parts === null)
    throw usage(`Flag --${flag} is "${text}": expected a time such as 30s, 5m, 1h`);
  return Number(parts[1]) * (unitSeconds[parts[2] ?? "s"] ?? 1);
}

/**
 * Returns a timestamp of the protocol, from a timestamp or from a duration before `now`, such as
 * `2h`.
 * @throws {WsctlError} USAGE with the flag.
 */
export function parseMoment(flag: string, text: string, now: number): string {
  if (isTimestamp(text)) return normalTimestamp(text);
  if (/^\d+(\.\d+)?(ms|s|m|h|d)$/.test(text)) {
    const ms = now - parseSeconds(flag, text) * 1000;
    if (ms >= 0) return timestamp(ms);
  }
  const example = timestamp(now).replace(/\.\d+/, "");
  throw usage(`Flag --${flag} is "${text}": expected a time such as 2h, or ${example}`);
}

/**
 * Parses a duration from one second up to `most` seconds.
 * @throws {WsctlError} USAGE with the flag.
 */
export function parseSecondsWithin(flag: string, text: string, most: number): number {
  const seconds = parseSeconds(flag, text);
  if (seconds >= 1 && seconds <= most) return seconds;
  throw usage(`Flag --${flag} is "${text}": expected a time from 1s to ${formatDuration(most)}`);
}

/**
 * Parses a duration from zero up to `most` seconds.
 * @throws {WsctlError} USAGE with the flag.
 */
export function parsePause(flag: string, text: string, most: number): number {
  const seconds = parseSeconds(flag, text);
  if (seconds <= most) return seconds;
  throw usage(`Flag --${flag} is "${text}": expected a time of at most ${formatDuration(most)}`);
}

/** Formats milliseconds: `850 ms`, `12.5 s`, `3 min 20 s`, `2 h 5 min`. */
export function formatMs(ms: number): string {
  const seconds = Math.round(ms / 1000);
  if (ms < 1000) return `${Math.max(0, Math.round(ms))} ms`;
  if (seconds < 60) return `${(ms / 1000).toFixed(1)} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
  return `${Math.floor(seconds / 3600)} h ${Math.floor((seconds % 3600) / 60)} min`;
}

/** Formats seconds in the largest unit that gives a whole number. */
export function formatDuration(seconds: number): string {
  for (const unit of ["d", "h", "m"]) {
    const size = unitSeconds[unit] ?? 1;
    if (seconds % size === 0) return `${seconds / size}${unit}`;
  }
  return `${seconds}s`;
}

/**
 * Returns the agent ID in lower case, which all have, as it may be copied from a host name.
 * @throws {WsctlError} USAGE with the flag.
 */
export function parseAgentId(flag: string, text: string): string {
  const parsed = v.safeParse(AgentId, text.toLowerCase());
  if (parsed.success) return parsed.output;
  throw usage(`Flag --${flag}: "${text}" is not an agent ID: it ${parsed.issues[0].message}`);
}

const unitBytes: Record<string, number> = { B: 1, KB: 1e3, MB: 1e6, GB: 1e9, TB: 1e12 };

/**
 * Parses `5GB`, `1.5 MB` or `500KB`; a bare number is bytes.
 * @throws {WsctlError} USAGE with the flag.
 */
export function parseBytes(flag: string, text: string): number {
  const parts = /^(\d{1,15}(?:\.\d{1,6})?) ?(B|KB|MB|GB|TB)?$/i.exec(text);
  const bytes = Number(parts?.[1]) * (unitBytes[(parts?.[2] ?? "B").toUpperCase()] ?? 1);
  if (Number.isSafeInteger(Math.round(bytes))) return Math.round(bytes);
  throw usage(`Flag --${flag} is "${text}": expected a size such as 500MB, 5GB`);
}

/**
 * Parses a whole number from `least` to `most`.
 * @throws {WsctlError} USAGE with the flag and the limits.
 */
export function wholeNumber(flag: string, text: string, least: number, most: number): number {
  const value = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
  if (value >= least && value <= most) return value;
  throw usage(`Flag --${flag} is "${text}": expected a number from ${least} to ${most}`);
}

/**
 * Parses a count or a percentage.
 * @throws {WsctlError} USAGE with the flag.
 */
export function parseShare(flag: string, text: string, least: number): number | string {
  if (isPercentage(text, least)) return text;
  const value = /^\d{1,6}$/.test(text) ? Number(text) : -1;
  if (value >= least) return value;
  throw usage(
    `Flag --${flag} is "${text}": expected a number from ${least}, or a percentage such as 10%`,
  );
}

/**
 * Parses `KEY=VALUE`; VALUE is JSON if it is valid JSON, otherwise text.
 * @throws {WsctlError} USAGE
 */
export function parseParams(pairs: readonly string[]): JsonObject {
  const parameters: JsonObject = {};
  for (const pair of pairs) {
    const at = pair.indexOf("=");
    if (at < 1) throw usage(`Flag --param is "${pair}": expected KEY=VALUE`);
    const key = pair.slice(0, at);
    if (Object.hasOwn(parameters, key)) throw usage(`Flag --param names "${key}" twice`);
    setKey(parameters, key, valueFrom(pair.slice(at + 1)));
  }
  return parameters;
}

/**
 * Parses a JSON object.
 * @param source The origin of the text, for error messages.
 * @throws {WsctlError} USAGE
 */
export function parseObject(source: string, text: string): JsonObject {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw usage(`Flag --params: ${source} is not JSON`);
  }
  if (!isJsonObject(value)) throw usage(`Flag --params: ${source} must be a JSON object`);
  const flaw = findUnsafeNumber(value) ?? findLossyJson(text);
  if (flaw !== undefined) throw usage(`Flag --params: ${source} has ${flaw}`);
  return value;
}

function valueFrom(text: string): unknown {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return text;
  }
  const flaw = findUnsafeNumber(value) ?? findLossyJson(text);
  if (flaw === undefined) return value;
  throw usage(`Flag --param: "${text}" has ${flaw}; as text it is written '"${text}"'`);
}
