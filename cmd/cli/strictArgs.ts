/**
 * Parses arguments strictly: citty accepts unknown flags, extra arguments and repeated flags, which
 * are errors here for every command. Values come from flags, then the environment, then the
 * settings file, then the default that citty fills in.
 */
import type { ArgDef, ArgsDef, CommandDef } from "citty";
import { WsctlError } from "../../lib/protocol/errors.ts";
import { isInjected, type Origins, withOrigins } from "./origins.ts";
import { adviseFlag, adviseWord } from "./parameterHelp.ts";

/** Flags that may be repeated; their values are collected in `lists`. */
const repeatable = new Set([
  ...["param", "label", "advertise", "allow-exec", "release-key", "key", "file", "trust", "sign"],
  ...[
    "oidc-grant",
    "recipient",
    "trusted-proxy",
    "webhook-allow",
    "env",
    "prompt",
    "allow-push",
    "allow-pull",
  ],
]);

export interface Sources {
  env: Record<string, string | undefined>;
  /** The settings of this command, with `_` for `-` in the names of flags. */
  settings: Record<string, unknown>;
  /** Returns the file and the line of a setting, for messages. */
  locate?: (key: string) => string;
}

export interface StrictArgs {
  /** The arguments for citty: flags as `--name=value`, then the arguments after `--`. */
  rawArgs: string[];
  /** The values of repeatable flags, and of a last argument that takes all further words. */
  lists: Record<string, string[]>;
  /** Where the values come from that are not from the command line. */
  origins: Origins;
}

/** The data that every command gets beside its arguments. */
export interface CommandData extends Pick<StrictArgs, "lists"> {
  /** The root command, for completion. */
  root: CommandDef;
}

interface ParsedArgs {
  flags: Map<string, string[]>;
  positionals: string[];
  /** How many of the positionals stand before `--`; undefined without `--`. */
  beforeDoubleDash?: number;
}

/**
 * @throws {WsctlError} USAGE with what was given, what was expected, and the nearest valid
 * spelling.
 */
export function strictArgs(rawArgs: string[], args: ArgsDef, sources: Sources): StrictArgs {
  const given = scan(rawArgs, args);
  const names = Object.keys(args).filter((name) => args[name]?.type === "positional");
  const last = names.at(-1);
  const rest = last !== undefined && takesRest(args[last]) ? last : undefined;
  if (rest !== undefined && isSeparated(args[rest])) assertSeparated(given, names, args[rest]);
  const surplus = rest === undefined ? given.positionals[names.length] : undefined;
  if (surplus !== undefined) {
    const advice = adviseWord(surplus, args, rawArgs.includes("--"));
    throw usage(`Unexpected argument "${surplus}": ${expected(names)}${advice}`);
  }
  const missing = names.slice(given.positionals.length).find((name) => isRequired(args[name]));
  if (missing !== undefined) throw usage(`Missing argument ${missing.toUpperCase()}`);
  const origins = applyDefaults(given.flags, args, sources);
  try {
    for (const [name, values] of given.flags) checkOptions(name, args[name], values);
  } catch (error) {
    throw withOrigins(error, origins);
  }
  const lists: Record<string, string[]> = {};
  const flags: string[] = [];
  for (const [name, values] of given.flags) {
    if (repeatable.has(name)) lists[name] = values;
    else flags.push(...values.map((value) => `--${name}=${value}`));
  }
  if (rest !== undefined) lists[rest] = given.positionals.slice(names.length - 1);
  return { rawArgs: [...flags, "--", ...given.positionals.slice(0, names.length)], lists, origins };
}

export function isRepeatable(flag: string): boolean {
  return repeatable.has(flag);
}

/** Returns the environment variable of a flag: `--data-dir` is `WSCTL_DATA_DIR`. */
export function envName(flag: string): string {
  return `WSCTL_${flag.toUpperCase().replaceAll("-", "_")}`;
}

export function usage(message: string): WsctlError {
  return new WsctlError("USAGE", message);
}

function scan(rawArgs: string[], args: ArgsDef): ParsedArgs {
  const given: ParsedArgs = { flags: new Map(), positionals: [] };
  const positionals = Object.values(args).filter(({ type }) => type === "positional");
  const separatedFrom = positionals.findIndex(isSeparated);
  for (let index = 0; index < rawArgs.length; index++) {
    const raw = rawArgs[index] ?? "";
    if (raw === "--") {
      given.beforeDoubleDash = given.positionals.length;
      given.positionals.push(...rawArgs.slice(index + 1));
      break;
    }
    if (!raw.startsWith("-") || raw === "-") {
      if (given.positionals.length === separatedFrom) throw misplacedWord(raw);
      given.positionals.push(raw);
      continue;
    }
    const [flag = "", ...rest] = raw.split("=");
    const negated = findNegatedFlag(flag, args);
    const name = negated ?? requireFlagName(flag, args);
    const definition = args[name] as ArgDef;
    let value = rest.length > 0 ? rest.join("=") : undefined;
    if (negated !== undefined) value = parseBoolean(flag, value) === "true" ? "false" : "true";
    else if (definition.type === "boolean") value = parseBoolean(flag, value);
    else value ??= valueBehind(rawArgs[++index]);
    if (value === undefined)
      throw usage(`Flag --${name} needs a value: --${name} ${hint(definition)}`);
    const earlier = given.flags.get(name);
    // A list is one value.
    if (earlier !== undefined && definition.valueHint?.includes(",")) {
      throw usage(
        `Flag --${name} is specified twice: write one list, --${name} ${[...earlier, value].join(",")}`,
      );
    }
    add(given.flags, name, value, `--${name}`);
  }
  return given;
}

/**
 * Returns the next word as a flag's value, unless it is another flag (`--flag=--text` passes such a
 * value).
 */
function valueBehind(next: string | undefined): string | undefined {
  return next?.startsWith("--") ? undefined : next;
}

/** Returns the flag of `--no-x` if it is a switch that is on by default. */
function findNegatedFlag(flag: string, args: ArgsDef): string | undefined {
  const name = flag.startsWith("--no-") ? flag.slice("--no-".length) : undefined;
  const definition = name === undefined ? undefined : args[name];
  return definition?.type === "boolean" && definition.default === true ? name : undefined;
}

function requireFlagName(flag: string, args: ArgsDef): string {
  const flags = Object.keys(args).filter((name) => args[name]?.type !== "positional");
  const name = flag.startsWith("--")
    ? flag.slice(2)
    : flags.find((each) => aliases(args[each]).includes(flag.slice(1)));
  if (name !== undefined && flags.includes(name)) return name;
  throw usage(`Unknown flag ${flag}: ${adviseFlag(flag, flags, args)}`);
}

function parseBoolean(flag: string, value: string | undefined): string {
  if (value === undefined || value === "true" || value === "false") return value ?? "true";
  throw usage(`Flag ${flag} takes no value`);
}

function add(flags: Map<string, string[]>, name: string, value: string, shown: string): void {
  const earlier = flags.get(name);
  if (earlier === undefined) flags.set(name, [value]);
  else if (repeatable.has(name)) earlier.push(value);
  else throw usage(`Flag ${shown} is specified twice: specify it once`);
}

function applyDefaults(
  flags: Map<string, string[]>,
  args: ArgsDef,
  { env, settings, locate }: Sources,
): Origins {
  const origins = new Map<string, string>();
  for (const [name, definition] of Object.entries(args)) {
    if (definition.type === "positional" || flags.has(name)) continue;
    const variable = envName(name);
    const fromEnv = env[variable];
    if (fromEnv !== undefined && fromEnv !== "" && !isInjected(variable, env)) {
      origins.set(name, `Environment variable ${variable}`);
      const value = definition.type === "boolean" ? envBoolean(variable, fromEnv) : fromEnv;
      flags.set(name, repeatable.has(name) ? value.split(",") : [value]);
      continue;
    }
    const key = name.replaceAll("-", "_");
    const setting = settings[key];
    if (setting === undefined) continue;
    const place = locate === undefined ? "" : ` (${locate(key)})`;
    const origin = `Setting ${key}${place}`;
    origins.set(name, origin);
    flags.set(name, settingValues(name, definition, setting, origin));
  }
  return origins;
}

/** Converts a setting to the values of a flag; its type must match the flag. */
function settingValues(
  name: string,
  definition: ArgDef,
  setting: unknown,
  origin: string,
): string[] {
  const isText = (value: unknown) => typeof value === "string" || typeof value === "number";
  if (definition.type === "boolean") {
    if (typeof setting === "boolean") return [String(setting)];
    throw usage(`${origin} must be true or false`);
  }
  if (Array.isArray(setting) && repeatable.has(name) && setting.every(isText)) {
    return setting.map(String);
  }
  if (isText(setting)) return [String(setting)];
  throw usage(`${origin} must be text${repeatable.has(name) ? " or a list of texts" : ""}`);
}

function envBoolean(variable: string, value: string): string {
  if (["1", "true", "yes"].includes(value)) return "true";
  if (["0", "false", "no"].includes(value)) return "false";
  throw usage(`Environment variable ${variable} is "${value}": expected true or false`);
}

function checkOptions(name: string, definition: ArgDef | undefined, values: string[]): void {
  if (definition?.type !== "enum") return;
  const options = definition.options ?? [];
  const wrong = values.find((value) => !options.includes(value));
  if (wrong === undefined) return;
  throw usage(`Flag --${name} is "${wrong}": expected ${options.join(", ")}`);
}

function expected(names: string[]): string {
  if (names.length === 0) return "this command takes flags only";
  return `this command takes ${names.map((name) => name.toUpperCase()).join(" ")}`;
}

function isRequired(definition: ArgDef | undefined): boolean {
  return definition?.required !== false && definition?.default === undefined;
}

/** A last argument whose hint ends in an ellipsis takes all further words. */
function takesRest(definition: ArgDef | undefined): boolean {
  return isSeparated(definition) || (definition?.valueHint?.endsWith("…") ?? false);
}

/**
 * An argument whose hint begins with `--` takes only words after `--`, so that none of them can be
 * a flag of wsctl.
 */
export function isSeparated(definition: ArgDef | undefined): boolean {
  return definition?.valueHint?.startsWith("-- ") ?? false;
}

/** The error for a word before `--` where only flags may be. */
export function misplacedWord(word: string): WsctlError {
  return usage(
    `Unexpected argument "${word}" before --: write flags, then --, then the program and its arguments`,
  );
}

function assertSeparated(given: ParsedArgs, names: string[], rest: ArgDef | undefined): void {
  const { beforeDoubleDash, positionals } = given;
  const early = names[beforeDoubleDash ?? positionals.length];
  if (names.length > 1 && early !== undefined && early !== names.at(-1)) {
    throw usage(`Missing argument ${early.toUpperCase()}: write it before --`);
  }
  if (!isRequired(rest)) return;
  if (beforeDoubleDash === undefined) {
    throw usage("Missing -- and a program: write them last, such as -- df -h");
  }
  if (positionals.length >= names.length && positionals[0] !== "") return;
  throw usage("Missing program after --: write it and its arguments, such as -- df -h");
}

function aliases(definition: ArgDef | undefined): string[] {
  const alias = definition !== undefined && "alias" in definition ? definition.alias : undefined;
  return alias === undefined ? [] : Array.isArray(alias) ? alias : [alias];
}

function hint(definition: ArgDef): string {
  return definition.valueHint ?? "VALUE";
}
