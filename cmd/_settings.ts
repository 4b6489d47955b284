/**
 * The optional settings file, TOML: keys are the flags with `_` for `-`; a table named like a
 * command holds for that command alone and goes before the keys at the top.
 */
import { existsSync, readFileSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import process from "node:process";
import { parse } from "smol-toml";
import { errorText } from "../lib/protocol/errors.ts";
import { usage } from "./_args.ts";
import { nearest } from "./_nearest.ts";

type Env = Record<string, string | undefined>;

/** Where the settings are unless `--config` or `WSCTL_CONFIG` names another file. */
export function defaultSettingsFile(env: Env): string {
  if (isRoot()) return "/etc/wsctl/config.toml";
  return join(env.XDG_CONFIG_HOME ?? join(homedir(), ".config"), "wsctl", "config.toml");
}

/** Where data is kept unless `--data-dir` names another directory. */
export function defaultDataDir(env: Env): string {
  if (isRoot()) return "/var/lib/wsctl";
  return join(env.XDG_STATE_HOME ?? join(homedir(), ".local", "state"), "wsctl");
}

/** Where manifests of one's own commands are, unless `--commands-dir` names another directory. */
export function defaultCommandsDir(env: Env): string {
  return join(dirname(defaultSettingsFile(env)), "commands.d");
}

/** Where the services that may be restarted are named, unless `--services-dir` says otherwise. */
export function defaultServicesDir(env: Env): string {
  return join(dirname(defaultSettingsFile(env)), "services.d");
}

/** Where the logs that may be fetched are named, unless `--logs-dir` says otherwise. */
export function defaultLogsDir(env: Env): string {
  return join(dirname(defaultSettingsFile(env)), "logs.d");
}

/** Each command's flags, for a file to be held against as a whole. */
export type AllFlags = Record<string, readonly string[]>;

/** Whether there is a settings file at all: without one nothing needs to be known about it. */
export function hasSettings(file: string | undefined, env: Env): boolean {
  return existsSync(file ?? defaultSettingsFile(env));
}

/** The settings for one command; only a file that was asked for must exist. */
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
    text = readFileSync(path, "utf8");
  } catch (error) {
    if (file === undefined && /ENOENT|ENOTDIR|No such file/i.test(errorText(error))) return {};
    throw usage(`Cannot read the settings file "${path}": ${errorText(error)}`);
  }
  let tables: Record<string, unknown>;
  try {
    tables = parse(text);
  } catch (error) {
    throw usage(`Cannot read the settings file "${path}": ${errorText(error)}`);
  }
  refuseStrangers(path, tables, all);
  const own = tables[command];
  if (own !== undefined && !isTable(own)) throw usage(`"${command}" in "${path}" must be a table`);
  for (const key of Object.keys(own ?? {})) {
    refuseUnknown(key, keysOf(flags), `key "${key}" for ${command} in "${path}"`);
  }
  const shared = Object.entries(tables).filter(([, value]) => !isTable(value));
  return { ...Object.fromEntries(shared), ...(own as Record<string, unknown> | undefined) };
}

/** A table must be a command's, a key at the top a flag of some command. */
function refuseStrangers(path: string, tables: Record<string, unknown>, all: AllFlags): void {
  const commands = Object.keys(all);
  if (commands.length === 0) return;
  const keys = [...new Set(Object.values(all).flatMap(keysOf))];
  for (const [name, value] of Object.entries(tables)) {
    if (isTable(value)) refuseUnknown(name, commands, `table "${name}" in "${path}"`);
    else refuseUnknown(name, keys, `key "${name}" in "${path}"`);
  }
}

function refuseUnknown(name: string, known: readonly string[], what: string): void {
  if (known.includes(name)) return;
  const close = nearest(name, known);
  const advice = close === undefined ? `known are ${known.join(", ")}` : `did you mean ${close}?`;
  throw usage(`Unknown ${what}: ${advice}`);
}

function keysOf(flags: readonly string[]): string[] {
  return flags.map((flag) => flag.replaceAll("-", "_"));
}

function isTable(value: unknown): boolean {
  return (
    typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Date)
  );
}

function isRoot(): boolean {
  return process.getuid?.() === 0;
}
