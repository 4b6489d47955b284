/**
 * The entry: a table of commands, loaded when they are asked for; strict arguments; one way out.
 * A command's file says what it takes and does; this file knows none of that.
 */
import process from "node:process";
import { type CommandDef, defineCommand, runCommand, type SubCommandsDef } from "citty";
import { version } from "../lib/protocol/version.ts";
import { type CommandData, strictArgs, usage } from "./_args.ts";
import { exitOf } from "./_exit.ts";
import { nearest } from "./_nearest.ts";
import { print, remark } from "./_output.ts";
import { type AllFlags, hasSettings, readSettings } from "./_settings.ts";

const root = defineCommand({
  meta: { name: "wsctl", version, description: "Remote commands for fleets of hosts" },
  subCommands: {
    serve: () => import("./serve.ts").then((module) => module.default),
    agent: () => import("./agent.ts").then((module) => module.default),
    send: () => import("./send.ts").then((module) => module.default),
    agents: () => import("./agents.ts").then((module) => module.default),
    jobs: () => import("./jobs.ts").then((module) => module.default),
    artifacts: () => import("./artifacts.ts").then((module) => module.default),
    tokens: () => import("./tokens.ts").then((module) => module.default),
    commands: () => import("./commands.ts").then((module) => module.default),
    release: () => import("./release.ts").then((module) => module.default),
    doctor: () => import("./doctor.ts").then((module) => module.default),
    version: () => import("./version.ts").then((module) => module.default),
    collect: () => import("./collect.ts").then((module) => module.default),
    stage: () => import("./stage.ts").then((module) => module.default),
    supervise: () => import("./supervise.ts").then((module) => module.default),
  },
});

interface Found {
  command: CommandDef;
  /** The words that led to it: `wsctl agents show`. */
  path: string[];
  rest: string[];
}

/** Runs the command that the arguments name; answers with the exit status. */
async function main(args: string[]): Promise<number> {
  if (args.length === 1 && (args[0] === "--version" || args[0] === "-v")) {
    print(version);
    return 0;
  }
  // `wsctl help send` is `wsctl send --help`.
  const words = args[0] === "help" ? [...args.slice(1), "--help"] : args;
  const { command, path, rest } = await find(root as CommandDef, ["wsctl"], words);
  const isHelpWanted = upToSeparator(rest).some((arg) => arg === "--help" || arg === "-h");
  if (
    isHelpWanted ||
    (command.subCommands !== undefined && rest.length === 0 && path.length === 1)
  ) {
    const { helpText } = await import("./_help.ts");
    print(await helpText(command, path));
    return 0;
  }
  const definitions = (await command.args) as NonNullable<Parameters<typeof strictArgs>[1]>;
  const config = flagValue(rest, "config") ?? process.env.WSCTL_CONFIG;
  const all = hasSettings(config, process.env) ? await allFlags() : {};
  const flags = Object.keys(definitions);
  const settings = readSettings(config, path[1] ?? "", flags, process.env, all);
  const { rawArgs, lists } = strictArgs(rest, definitions, { env: process.env, settings });
  const data: CommandData = { lists };
  const { result } = await runCommand(command, { rawArgs, data });
  return typeof result === "number" ? result : 0;
}

/** Follows the words of the command line down the table; a default leads on without a word. */
async function find(command: CommandDef, path: string[], args: string[]): Promise<Found> {
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
  const close = nearest(word, Object.keys(table));
  const advice =
    close === undefined ? `"${path.join(" ")} --help" lists them` : `did you mean "${close}"?`;
  throw usage(`Unknown command "${[...path, word].join(" ")}": ${advice}`);
}

/** The flags of every command, with those of the commands below it. */
async function allFlags(): Promise<AllFlags> {
  const flagsOf = async (entry: unknown): Promise<string[]> => {
    const command = (await resolve(entry)) as CommandDef;
    const below = Object.values(((await resolve(command.subCommands)) as object | undefined) ?? {});
    const own = Object.keys(((await resolve(command.args)) as object | undefined) ?? {});
    return [...own, ...(await Promise.all(below.map(flagsOf))).flat()];
  };
  const table = Object.entries((await resolve(root.subCommands)) as SubCommandsDef);
  return Object.fromEntries(
    await Promise.all(table.map(async ([name, entry]) => [name, await flagsOf(entry)] as const)),
  );
}

function resolve(value: unknown): unknown {
  return typeof value === "function" ? value() : value;
}

/** A flag's value before everything is parsed: the settings file is needed for the parsing. */
function flagValue(args: string[], name: string): string | undefined {
  const flags = upToSeparator(args);
  const at = flags.findIndex((arg) => arg === `--${name}` || arg.startsWith(`--${name}=`));
  if (at < 0) return undefined;
  return flags[at]?.startsWith(`--${name}=`) ? flags[at]?.slice(name.length + 3) : flags[at + 1];
}

function upToSeparator(args: string[]): string[] {
  const at = args.indexOf("--");
  return at < 0 ? args : args.slice(0, at);
}

if (import.meta.main) {
  const args = process.argv.slice(2);
  const isDebug = upToSeparator(args).includes("--debug") || process.env.WSCTL_DEBUG === "1";
  // A fault that nobody caught: said like every other error, and never without a trace.
  const fail = (error: unknown) => {
    const { message, status } = exitOf(error, isDebug);
    remark(message);
    process.exit(status);
  };
  process.on("uncaughtException", fail);
  process.on("unhandledRejection", fail);
  process.exit(await main(args).catch(fail));
}
