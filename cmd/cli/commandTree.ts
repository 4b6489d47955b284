/**
 * The table of commands, each loaded when it is asked for, and the way through it: from the words
 * of a command line to the command they name, and to what is known about its flags from elsewhere.
 */
import {
  type ArgsDef,
  type CommandDef,
  type CommandMeta,
  defineCommand,
  type SubCommandsDef,
} from "citty";
import { version } from "../../lib/protocol/wire/version.ts";
import { nearest } from "./nearest.ts";
import { hasSettings } from "./paths.ts";
import type { AllFlags } from "./settings.ts";
import { type Sources, usage } from "./strictArgs.ts";

declare module "citty" {
  interface CommandMeta {
    /** Whole command lines, as an operator would type them. */
    examples?: string[];
    /** Help on what the words ask about, where there is more to say than on the command itself. */
    help?: (asked: HelpAsked) => Promise<string | undefined>;
    /** Takes its flags from the command line alone: no setting can stand in its way. */
    isAlone?: boolean;
  }
}

export interface HelpAsked {
  /** What was given beside the flag for help. */
  words: string[];
  /** Reads the settings: only who needs them has to hear what is wrong with them. */
  sources: () => Promise<Sources>;
}

export const root = defineCommand({
  meta: { name: "wsctl", version, description: "Remote commands for fleets of hosts" },
  subCommands: {
    serve: () => import("../serve.ts").then((module) => module.default),
    service: () => import("../service.ts").then((module) => module.default),
    agent: () => import("../agent.ts").then((module) => module.default),
    send: () => import("../send.ts").then((module) => module.default),
    agents: () => import("../agents.ts").then((module) => module.default),
    jobs: () => import("../jobs.ts").then((module) => module.default),
    watch: () => import("../watch.ts").then((module) => module.default),
    schedules: () => import("../schedules.ts").then((module) => module.default),
    keys: () => import("../keys.ts").then((module) => module.default),
    artifacts: () => import("../artifacts.ts").then((module) => module.default),
    audit: () => import("../audit.ts").then((module) => module.default),
    tokens: () => import("../tokens.ts").then((module) => module.default),
    commands: () => import("../commands.ts").then((module) => module.default),
    release: () => import("../release.ts").then((module) => module.default),
    doctor: () => import("../doctor.ts").then((module) => module.default),
    bench: () => import("../bench.ts").then((module) => module.default),
    completion: () => import("../completion.ts").then((module) => module.default),
    version: () => import("../version.ts").then((module) => module.default),
    complete: () => import("../internal/complete.ts").then((module) => module.default),
    collect: () => import("../internal/collect.ts").then((module) => module.default),
    stage: () => import("../internal/stage.ts").then((module) => module.default),
    supervise: () => import("../internal/supervise.ts").then((module) => module.default),
  },
});

export interface Found {
  command: CommandDef;
  /** The words that led to it: `wsctl agents show`. */
  path: string[];
  rest: string[];
}

/** Follows the words of the command line down the table; a default leads on without a word. */
export async function find(command: CommandDef, path: string[], args: string[]): Promise<Found> {
  const table = (await resolve(command.subCommands)) as SubCommandsDef | undefined;
  if (table === undefined) return { command, path, rest: args };
  const [word, ...rest] = args;
  const entry = word !== undefined && Object.hasOwn(table, word) ? table[word] : undefined;
  if (word !== undefined && entry !== undefined) {
    return find((await resolve(entry)) as CommandDef, [...path, word], rest);
  }
  const isFlag = word === undefined || word.startsWith("-");
  const otherwise = (await resolve(command.default)) as string | undefined;
  const wantsHelp = word === "--help" || word === "-h";
  if (isFlag && otherwise !== undefined && !wantsHelp) {
    return find((await resolve(table[otherwise])) as CommandDef, [...path, otherwise], args);
  }
  if (word === undefined || wantsHelp) return { command, path, rest: args };
  const close = nearest(
    word,
    (await shownCommands(command)).map(([name]) => name),
  );
  const advice =
    close === undefined ? `"${path.join(" ")} --help" lists them` : `did you mean "${close}"?`;
  throw usage(`Unknown command "${[...path, word].join(" ")}": ${advice}`);
}

/** The commands below this one that are meant for people, each with what it does. */
export async function shownCommands(command: CommandDef): Promise<[string, string][]> {
  const table = ((await resolve(command.subCommands)) ?? {}) as SubCommandsDef;
  const rows = await Promise.all(
    Object.entries(table).map(async ([name, entry]): Promise<[string, string][]> => {
      const meta = await metaOf((await resolve(entry)) as CommandDef);
      return meta.hidden ? [] : [[name, meta.description ?? ""]];
    }),
  );
  return rows.flat();
}

export async function metaOf(command: CommandDef): Promise<CommandMeta> {
  return ((await resolve(command.meta)) ?? {}) as CommandMeta;
}

export async function argsOf(command: CommandDef): Promise<ArgsDef> {
  return ((await resolve(command.args)) ?? {}) as ArgsDef;
}

/** The environment and the settings for the flags of a command. */
export async function sourcesOf({ command, path, rest }: Found): Promise<Sources> {
  const { env } = process;
  const config = flagValue(rest, "config") ?? env.WSCTL_CONFIG;
  if (config === undefined && !hasSettings(env)) return { env, settings: {} };
  const flags = Object.keys(await argsOf(command));
  const { readSettings } = await import("./settings.ts");
  return { env, settings: readSettings(config, path[1] ?? "", flags, env, await allFlags()) };
}

/** The flags of every command, with those of the commands below it. */
export async function allFlags(): Promise<AllFlags> {
  const flagsOf = async (entry: unknown): Promise<string[]> => {
    const command = (await resolve(entry)) as CommandDef;
    const below = Object.values(((await resolve(command.subCommands)) as object | undefined) ?? {});
    return [
      ...Object.keys(await argsOf(command)),
      ...(await Promise.all(below.map(flagsOf))).flat(),
    ];
  };
  const table = Object.entries((await resolve(root.subCommands)) as SubCommandsDef);
  return Object.fromEntries(
    await Promise.all(table.map(async ([name, entry]) => [name, await flagsOf(entry)] as const)),
  );
}

export function resolve(value: unknown): unknown {
  return typeof value === "function" ? value() : value;
}

/** A flag's value before everything is parsed: the settings file is needed for the parsing. */
function flagValue(args: string[], name: string): string | undefined {
  const flags = upToSeparator(args);
  const at = flags.findIndex((arg) => arg === `--${name}` || arg.startsWith(`--${name}=`));
  if (at < 0) return undefined;
  return flags[at]?.startsWith(`--${name}=`) ? flags[at]?.slice(name.length + 3) : flags[at + 1];
}

export function upToSeparator(args: string[]): string[] {
  const at = args.indexOf("--");
  return at < 0 ? args : args.slice(0, at);
}
