/**
 * Finds the command that the words of a command line name in the tree of commands, with the sources
 * of its flags.
 */
import type { ArgsDef, CommandDef, CommandMeta, SubCommandsDef } from "citty";
import { errorText } from "../../lib/protocol/errors.ts";
import { nearest } from "../../lib/protocol/nearest.ts";
import { hasSettings } from "./paths.ts";
import type { AllFlags } from "./settings.ts";
import { fromStart, isSuccessor } from "./startDirectory.ts";
import { type Sources, usage } from "./strictArgs.ts";

declare module "citty" {
  interface CommandMeta {
    /** Complete command lines as examples. */
    examples?: string[];
    /** Returns help on the given words, if there is more than the help of the command itself. */
    help?: (asked: HelpRequest) => Promise<string | undefined>;
    /** The command takes its flags only from the command line, so that settings cannot break it. */
    isStandalone?: boolean;
  }
}

export interface HelpRequest {
  /** The words beside the help flag. */
  words: string[];
  /**
   * Reads the settings. It is a function, so that other commands do not fail on invalid settings.
   */
  sources: () => Promise<Sources>;
}

export interface CommandMatch {
  /** The root command. */
  root: CommandDef;
  command: CommandDef;
  /** The words that lead to the command: `wsctl agents show`. */
  path: string[];
  rest: string[];
}

/** Finds the command that the words name; a default subcommand needs no word. */
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
  const advice =
    close === undefined ? `see "${path.join(" ")} --help"` : `did you mean "${close}"?`;
  throw usage(`Unknown command "${[...path, word].join(" ")}": ${advice}`);
}

/** Returns the visible subcommands with their descriptions. */
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

const examplesOfTableMax = 5;

/** Returns the examples of a command, or else the first of each command below it. */
export async function readExamples(command: CommandDef): Promise<string[]> {
  const { examples, hidden } = await readMeta(command);
  if (hidden) return [];
  if (examples !== undefined) return examples;
  const table = ((await resolveValue(command.subCommands)) ?? {}) as SubCommandsDef;
  const below = await Promise.all(
    Object.values(table).map(async (entry) =>
      readExamples((await resolveValue(entry)) as CommandDef),
    ),
  );
  return below.flatMap((each) => each.slice(0, 1)).slice(0, examplesOfTableMax);
}

export async function readMeta(command: CommandDef): Promise<CommandMeta> {
  return ((await resolveValue(command.meta)) ?? {}) as CommandMeta;
}

export async function readArgs(command: CommandDef): Promise<ArgsDef> {
  return ((await resolveValue(command.args)) ?? {}) as ArgsDef;
}

/**
 * Returns the environment and the settings for the flags of a command.
 * @throws {WsctlError} USAGE
 */
export async function readSources({ root, command, path, rest }: CommandMatch): Promise<Sources> {
  const { env } = process;
  const named = flagValue(rest, "config") ?? env.WSCTL_CONFIG;
  const config = named !== undefined && isSuccessor() ? fromStart(named) : named;
  if (config === undefined && !hasSettings(env)) return { env, settings: {} };
  const flags = Object.keys(await readArgs(command));
  const { locateSetting, readSettings } = await import("./settings.ts");
  const name = path[1] ?? "";
  const known = await allFlags(root);
  let settings: Record<string, unknown>;
  try {
    settings = readSettings(config, name, flags, env, known);
  } catch (error) {
    if (config === undefined || flagValue(rest, "config") !== undefined) throw error;
    throw usage(`${errorText(error)}. Environment variable WSCTL_CONFIG names this file`);
  }
  return { env, settings, locate: (key) => locateSetting(config, name, key, env) };
}

/** Returns the flags of every command, including those of its subcommands. */
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

/** Finds a flag's value before the strict parsing, which needs the settings file. */
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
