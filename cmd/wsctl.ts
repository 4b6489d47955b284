/**
 * The entry: the command that is asked for, its help or its run; strict arguments; one way out.
 * A command's file says what it takes and does; this file knows none of that.
 */
import { runCommand } from "citty";
import { version } from "../lib/protocol/wire/version.ts";
import { argsOf, type Found, find, metaOf, sourcesOf, upToSeparator } from "./cli/commandTree.ts";
import { exitOf } from "./cli/exit.ts";
import { type CommandData, strictArgs } from "./cli/strictArgs.ts";
import { root } from "./commandTable.ts";
import { print, remark } from "./output/stdio.ts";

/** Runs the command that the arguments name; answers with the exit status. */
async function main(args: string[]): Promise<number> {
  if (args.length === 1 && (args[0] === "--version" || args[0] === "-v")) {
    print(version);
    return 0;
  }
  // `wsctl help send` is `wsctl send --help`.
  const words = args[0] === "help" ? [...args.slice(1), "--help"] : args;
  const found = await find(root, words);
  const { command, path, rest } = found;
  const isBare = command.subCommands !== undefined && rest.length === 0 && path.length === 1;
  if (isBare || upToSeparator(rest).some(isHelp)) {
    print(await helpOf(found));
    return 0;
  }
  const { isAlone = false } = await metaOf(command);
  const sources = isAlone ? { env: {}, settings: {} } : await sourcesOf(found);
  const { rawArgs, lists } = strictArgs(rest, await argsOf(command), sources);
  const data: CommandData = { lists, root };
  const { result } = await runCommand(command, { rawArgs, data });
  return typeof result === "number" ? result : 0;
}

/** What the command has to say on what was asked, or else what there is to say on it. */
async function helpOf(found: Found): Promise<string> {
  const { command, path, rest } = found;
  const flags = upToSeparator(rest);
  const words = [...flags.filter((word) => !isHelp(word)), ...rest.slice(flags.length)];
  const { help } = await metaOf(command);
  const own = await help?.({ words, sources: () => sourcesOf(found) });
  if (own !== undefined) return own;
  const { helpText } = await import("./cli/help.ts");
  return helpText(command, path);
}

function isHelp(word: string): boolean {
  return word === "--help" || word === "-h";
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
