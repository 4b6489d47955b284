/** Reads the tree of commands that `--help` shows, as rows for the reference and the man page. */
import type { CommandDef, SubCommandsDef } from "citty";
import { readArgs, readMeta, resolveValue, shownCommands } from "../../cmd/cli/commandTree.ts";
import { clientArgs, logArgs } from "../../cmd/cli/commonFlags.ts";
import { commonNames, flagRow, positionalRow, type Row, usageLine } from "../../cmd/cli/help.ts";
import { root } from "../../cmd/commandTable.ts";

export interface CommandEntry {
  /** The words that name it, such as `wsctl jobs show`. */
  name: string;
  description: string;
  usage: string;
  /** The names of the commands below it. */
  below: Row[];
  positionals: Row[];
  /** The flags that few commands have. */
  flags: Row[];
  /** The names of the flags that many commands have. */
  common: string[];
  examples: string[];
}

/** Every command that `--help` lists, in its order. */
export function allCommands(): Promise<CommandEntry[]> {
  return entriesOf(root, ["wsctl"]);
}

export const commonFlags: Row[] = Object.entries({ ...clientArgs, ...logArgs }).map(flagRow);

async function entriesOf(command: CommandDef, path: string[]): Promise<CommandEntry[]> {
  const meta = await readMeta(command);
  const args = await readArgs(command);
  const all = Object.entries(args);
  const flags = all.filter(([, arg]) => arg.type !== "positional");
  const below = await shownCommands(command);
  const entry: CommandEntry = {
    name: path.join(" "),
    description: meta.description ?? "",
    usage: usageLine(command, path, args),
    below,
    positionals: all.filter(([, arg]) => arg.type === "positional").map(positionalRow),
    flags: flags.filter(([name]) => !commonNames.has(name)).map(flagRow),
    common: flags.map(([name]) => name).filter((name) => commonNames.has(name)),
    examples: meta.examples ?? [],
  };
  const table = ((await resolveValue(command.subCommands)) ?? {}) as SubCommandsDef;
  const rest = below.map(async ([name]) =>
    entriesOf((await resolveValue(table[name])) as CommandDef, [...path, name]),
  );
  return [entry, ...(await Promise.all(rest)).flat()];
}
