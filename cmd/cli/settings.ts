import { parse } from "smol-toml";
import { readTextFile, readTrustedTextFile } from "../../lib/files/readText.ts";
import { errorText } from "../../lib/protocol/errors.ts";
import { nearest } from "../../lib/protocol/nearest.ts";
import { defaultSettingsFile, type Env } from "./paths.ts";
import { usage } from "./strictArgs.ts";

/** The flags of each command, to validate the whole file. */
export type AllFlags = Record<string, readonly string[]>;

/**
 * Returns the settings of one command. Only a file that a flag or a variable names must exist.
 * @throws {WsctlError} USAGE
 */
export function readSettings(
  file: string | undefined,
  command: string,
  flags: readonly string[],
  env: Env,
  all: AllFlags = {},
): Record<string, unknown> {
  const path = file ?? defaultSettingsFile(env);
  let text: string;
  try {
    text = readTrustedTextFile(path);
  } catch (error) {
    if (file === undefined && /ENOENT|ENOTDIR|No such file/i.test(errorText(error))) return {};
    throw usage(`Cannot read the settings file "${path}": ${errorText(error)}`);
  }
  let tables: Record<string, unknown>;
  try {
    tables = parse(text);
  } catch (error) {
    const { line } = error as { line?: unknown };
    const at = typeof line === "number" ? `line ${line}: ` : "";
    const [reason = ""] = errorText(error).split("\n");
    throw usage(`Cannot read the settings file "${path}": ${at}${reason}`);
  }
  const at = (table: string | undefined, key: string) => formatPlace(path, text, table, key);
  assertOwnFile(at, tables, all);
  const own = tables[command];
  if (own !== undefined && !isTable(own)) {
    throw usage(`"${command}" in ${at(undefined, command)} must be a table`);
  }
  for (const key of Object.keys(own ?? {})) {
    assertKnownKeys(key, listKeys(flags), `key "${key}" for ${command} in ${at(command, key)}`);
  }
  const shared = Object.entries(tables).filter(([, value]) => !isTable(value));
  return { ...Object.fromEntries(shared), ...(own as Record<string, unknown> | undefined) };
}

/** Returns the file and the line of a setting of one command. */
export function locateSetting(
  file: string | undefined,
  command: string,
  key: string,
  env: Env,
): string {
  const path = file ?? defaultSettingsFile(env);
  try {
    const text = readTextFile(path);
    const hasOwn = findLine(text, command, key) !== undefined;
    return formatPlace(path, text, hasOwn ? command : undefined, key);
  } catch {
    // The file was read a moment ago; without it, its name is enough.
    return `"${path}"`;
  }
}

function formatPlace(path: string, text: string, table: string | undefined, key: string): string {
  const line = findLine(text, table, key);
  return line === undefined ? `"${path}"` : `"${path}", line ${line}`;
}

/**
 * Returns the number of the line of a key in a table, or of the table's header for an empty key.
 * The TOML library does not tell the positions of keys.
 */
function findLine(text: string, table: string | undefined, key: string): number | undefined {
  let current: string | undefined;
  for (const [index, line] of text.split("\n").entries()) {
    const header = /^\s*\[+\s*"?([^\]"]*)"?\s*\]/.exec(line)?.[1];
    if (header !== undefined) current = header;
    const name = header === undefined ? /^\s*"?([\w-]+)"?\s*[=.]/.exec(line)?.[1] : "";
    if (current === table && name === key) return index + 1;
  }
  return undefined;
}

/** Each table must be a command, and each key at the top a flag of some command. */
function assertOwnFile(
  at: (table: string | undefined, key: string) => string,
  tables: Record<string, unknown>,
  all: AllFlags,
): void {
  const commands = Object.keys(all);
  if (commands.length === 0) return;
  const keys = [...new Set(Object.values(all).flatMap(listKeys))];
  for (const [name, value] of Object.entries(tables)) {
    if (isTable(value)) assertKnownKeys(name, commands, `table "${name}" in ${at(name, "")}`);
    else assertKnownKeys(name, keys, `key "${name}" in ${at(undefined, name)}`);
  }
}

function assertKnownKeys(name: string, known: readonly string[], what: string): void {
  if (known.includes(name)) return;
  const close = nearest(name, known);
  const advice = close === undefined ? `known are ${known.join(", ")}` : `did you mean ${close}?`;
  throw usage(`Unknown ${what}: ${advice}`);
}

function listKeys(flags: readonly string[]): string[] {
  return flags.map((flag) => flag.replaceAll("-", "_"));
}

function isTable(value: unknown): boolean {
  return (
    typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Date)
  );
}
