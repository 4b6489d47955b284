/**
 * The entry: finds the command, prints its help or runs it with strict arguments, and sets the exit
 * status. The files of the commands define what they take and do.
 */
import { runCommand } from "citty";
import { version } from "../lib/protocol/wire/version.ts";
import {
  argsBeforeDoubleDash,
  type CommandMatch,
  findCommand,
  readArgs,
  readMeta,
  readSources,
} from "./cli/commandTree.ts";
import { toExit } from "./cli/exit.ts";
import { withOrigins } from "./cli/origins.ts";
import { type CommandData, strictArgs } from "./cli/strictArgs.ts";
import { root } from "./commandTable.ts";
import { print, remark } from "./output/stdio.ts";

/** Runs the command that the arguments name and returns the exit status. */
async function main(args: string[]): Promise<number> {
  if (args.length === 1 && (args[0] === "--version" || args[0] === "-v")) {
    print(version);
    return 0;
  }
  // `wsctl help send` is the same as `wsctl send --help`.
  const words = args[0] === "help" ? [...args.slice(1), "--help"] : args;
  const found = await findCommand(root, words);
  const { command, path, rest } = found;
  const isBare = command.subCommands !== undefined && rest.length === 0 && path.length === 1;
  if (isBare || argsBeforeDoubleDash(rest).some(isHelp)) {
    print(await buildHelp(found));
    return 0;
  }
  const { isStandalone = false } = await readMeta(command);
  const sources = isStandalone ? { env: {}, settings: {} } : await readSources(found);
  const { rawArgs, lists, origins } = strictArgs(rest, await readArgs(command), sources);
  const data: CommandData = { lists, root };
  const { result } = await runCommand(command, { rawArgs, data }).catch(async (error) => {
    await endTrace(path, toExit(error, false).status);
    throw withOrigins(error, origins);
  });
  const status = typeof result === "number" ? result : 0;
  await endTrace(path, status);
  return status;
}

/** Nothing is loaded for a command without a trace. */
async function endTrace(path: readonly string[], status: number): Promise<void> {
  const isTraced = Object.keys(process.env).some((name) => name.startsWith("OTEL_EXPORTER_OTLP"));
  if (!isTraced) return;
  const { endCommandTrace } = await import("./cli/commandTrace.ts");
  await endCommandTrace(path.slice(1).join(" "), status);
}

/** Returns the command's own help for these words, or else its general help. */
async function buildHelp(found: CommandMatch): Promise<string> {
  const { command, path, rest } = found;
  const flags = argsBeforeDoubleDash(rest);
  const words = [...flags.filter((word) => !isHelp(word)), ...rest.slice(flags.length)];
  const { help } = await readMeta(command);
  const own = await help?.({ words, sources: () => readSources(found) });
  if (own !== undefined) return own;
  const { formatHelp } = await import("./cli/help.ts");
  return formatHelp(command, path);
}

function isHelp(word: string): boolean {
  return word === "--help" || word === "-h";
}

if (import.meta.main) {
  const args = process.argv.slice(2);
  const isDebug = argsBeforeDoubleDash(args).includes("--debug") || process.env.WSCTL_DEBUG === "1";
  // An uncaught error is printed like every other error, with its stack.
  const fail = (error: unknown) => {
    const { message, status } = toExit(error, isDebug);
    remark(message);
    process.exit(status);
  };
  process.on("uncaughtException", fail);
  process.on("unhandledRejection", fail);
  process.exit(await main(args).catch(fail));
}
