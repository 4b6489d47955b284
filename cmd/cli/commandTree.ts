/**
 * The way through a tree of commands: from the words of a command line to the command that they
 * name, and to what is known about its flags from elsewhere.
 */
import type { ArgsDef, CommandDef, CommandMeta, SubCommandsDef } from "citty";
import { nearest } from "./nearest.ts";
import { hasSettings } from "./paths.ts";
import type { AllFlags } from "./settings.ts";
import { type Sources, usage } from "./strictArgs.ts";

declare module "citty" {
  interface CommandMeta {
    /** Whole command lines, as an operator would type them. */
    examples?: string[];
    /** Help on what the words ask about, where there is more to say than on the command itself. */
    help?: (asked: HelpRequest) => Promise<string | undefined>;
    /** Takes its flags from the command line alone: no setting can stand in its way. */
    isStandalone?: boolean;
  }
}

export interface HelpRequest {
  /** What was given beside the flag for help. */
  words: string[];
  /** Reads the settings: only who needs them has to hear what is wrong with them. */
  sources: () => Promise<Sources>;
}

export interface CommandMatch {
  /** The command above all others. */
  root: CommandDef;
  command: CommandDef;
  /** The words that led to it: `wsctl agents show`. */
  path: string[];
  rest: string[];
}

/** Follows the words of the command line down the tree; a default leads on without a word. */
export function findCommand(root: CommandDef, args: string[]): Promise<CommandMatch> {
  return follow({ root, command: root, path: ["wsctl"], rest: args });
}

async function follow(from: CommandMatch): Promise<CommandMatch> {
  const { command, path, rest: args } = from;
  const table = (await resolveValue(command.subCommands)) as SubCommandsDef | undefined;
  if (table === undefined) return from;
  const [word, ...rest] = args;
  const entry = word !== undefined && Object.hasOwn(table, word) ? table[word] : undefined;
  if (word !== undefined && entry !== undefined) {
    const below = (await resolveValue(entry)) as CommandDef;
    return follow({ ...from, command: below, path: [...path, word], rest });
  }
  const isFlag = word === undefined || word.startsWith("-");
  const otherwise = (await resolveValue(command.default)) as string | undefined;
  const wantsHelp = word === "--help" || word === "-h";
  if (isFlag && otherwise !== undefined && !wantsHelp) {
    const below = (await resolveValue(table[otherwise])) as CommandDef;
    return follow({ ...from, command: below, path: [...path, otherwise] });
  }
  if (word === undefined || wantsHelp) return from;
  const close = nearest(
    word,
    (await shownCommands(command)).map(([name]) => name),
  );
  const pacing =
    close === undefined ? `"${path.join(" ")} --help" lists them` : `did you mean "${close}"?`;
  throw usage(`Unknown command "${[...path, word].join(" ")}": ${pacing}`);
}

/** The commands below this one that are meant for people, each with what it does. */
export async function shownCommands(command: CommandDef): Promise<[string, string][]> {
  const table = ((await resolveValue(command.subCommands)) ?? {}) as SubCommandsDef;
  const rows = await Promise.all(
    Object.entries(table).map(async ([name, entry]): Promise<[string, string][]> => {
      const meta = await readMeta((await resolveValue(entry)) as CommandDef);
      return meta.hidden ? [] : [[name, meta.description ?? ""]];
    }),
  );
  return rows.flat();
}

export async function readMeta(command: CommandDef): Promise<CommandMeta> {
  return ((await resolveValue(command.meta)) ?? {}) as CommandMeta;
}

export async function readArgs(command: CommandDef): Promise<ArgsDef> {
  return ((await resolveValue(command.args)) ?? {}) as ArgsDef;
}

/** The environment and the settings for the flags of a command. */
export async function readSources({ root, command, path, rest }: CommandMatch): Promise<Sources> {
  const { env } = process;
  const config = flagValue(rest, "config") ?? env.WSCTL_CONFIG;
  if (config === undefined && !hasSettings(env)) return { env, settings: {} };
  const flags = Object.keys(await readArgs(command));
  const { readSettings } = await import("./settings.ts");
  return { env, settings: readSettings(config, path[1] ?? "", flags, env, await allFlags(root)) };
}

/** The flags of every command, with those of the commands below it. */
export async function allFlags(root: CommandDef): Promise<AllFlags> {
  const listFlags = async (entry: unknown): Promise<string[]> => {
    const command = (await resolveValue(entry)) as CommandDef;
    const below = Object.values(
      ((await resolveValue(command.subCommands)) as object | undefined) ?? {},
    );
    return [
      ...Object.keys(await readArgs(command)),
      ...(await Promise.all(below.map(listFlags))).flat(),
    ];
  };
  const table = Object.entries((await resolveValue(root.subCommands)) as SubCommandsDef);
  return Object.fromEntries(
    await Promise.all(table.map(async ([name, entry]) => [name, await listFlags(entry)] as const)),
  );
}

export function resolveValue(value: unknown): unknown {
  return typeof value === "function" ? value() : value;
}

/** A flag's value before everything is parsed: the settings file is needed for the parsing. */
function flagValue(args: string[], name: string): string | undefined {
  const flags = argsBeforeDoubleDash(args);
  const at = flags.findIndex((arg) => arg === `--${name}` || arg.startsWith(`--${name}=`));
  if (at < 0) return undefined;
  return flags[at]?.startsWith(`--${name}=`) ? flags[at]?.slice(name.length + 3) : flags[at + 1];
}

export function argsBeforeDoubleDash(args: string[]): string[] {
  const at = args.indexOf("--");
  return at < 0 ? args : args.slice(0, at);
}
