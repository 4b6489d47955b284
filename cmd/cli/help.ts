/**
 * Builds the text of `--help`: the description and the usage, then the command's own flags, then
 * the common flags.
 */
import type { ArgDef, ArgsDef, CommandDef } from "citty";
import { readArgs, readExamples, readMeta, shownCommands } from "./commandTree.ts";
import { clientArgs, logArgs } from "./commonFlags.ts";
import { isSeparated } from "./strictArgs.ts";

export type Row = [left: string, right: string];

/** The names of the common flags. */
export const commonNames = new Set([...Object.keys(clientArgs), ...Object.keys(logArgs)]);

/**
 * Returns the help without colours.
 * @param path The words that lead to the command, such as `wsctl jobs show`.
 */
export async function formatHelp(command: CommandDef, path: string[]): Promise<string> {
  const meta = await readMeta(command);
  const args = await readArgs(command);
  const positionals = Object.entries(args).filter(([, arg]) => arg.type === "positional");
  const flags = Object.entries(args).filter(([, arg]) => arg.type !== "positional");
  const own = flags.filter(([name]) => !commonNames.has(name));
  const common = flags.filter(([name]) => commonNames.has(name));
  return [
    meta.description ?? "",
    section("USAGE", [usageLine(command, path, args)]),
    section("COMMANDS", columns(await shownCommands(command))),
    section("ARGUMENTS", columns(positionals.map(positionalRow))),
    section("FLAGS", columns(own.map(flagRow))),
    section(own.length === 0 ? "FLAGS" : "COMMON FLAGS", columns(common.map(flagRow))),
    section("EXAMPLES", await readExamples(command)),
  ]
    .filter((part) => part !== "")
    .join("\n\n");
}

export function usageLine(command: CommandDef, path: string[], args: ArgsDef): string {
  if (command.subCommands !== undefined) return `${path.join(" ")} COMMAND [FLAGS]`;
  const words = Object.entries(args).map(([name, arg]) => {
    if (arg.type !== "positional" || isSeparated(arg)) return "";
    return arg.required === false ? `[${name.toUpperCase()}]` : name.toUpperCase();
  });
  const isFlagged = Object.values(args).some((arg) => arg.type !== "positional");
  const separated = Object.values(args).find(isSeparated)?.valueHint ?? "";
  return [...path, ...words.filter((word) => word !== ""), isFlagged ? "[FLAGS]" : "", separated]
    .join(" ")
    .trimEnd();
}

export function positionalRow([name, arg]: [string, ArgDef]): Row {
  return [name.toUpperCase(), arg.description ?? ""];
}

/** A switch that is on by default is shown as the flag that disables it. */
export function flagRow([name, arg]: [string, ArgDef]): Row {
  if (arg.type === "boolean") {
    if (arg.default !== true) return [`--${name}`, arg.description ?? ""];
    return [`--no-${name}`, ("negativeDescription" in arg && arg.negativeDescription) || ""];
  }
  const hint = arg.type === "enum" ? (arg.options ?? []).join("|") : (arg.valueHint ?? "VALUE");
  const otherwise = arg.default === undefined ? "" : ` (${arg.default})`;
  return [`--${name} ${hint}`, `${arg.description ?? ""}${otherwise}`];
}

export function section(title: string, lines: string[]): string {
  return lines.length === 0 ? "" : [title, ...lines.map((line) => `  ${line}`)].join("\n");
}

export function columns(rows: Row[]): string[] {
  const width = Math.max(0, ...rows.map(([left]) => left.length));
  return rows.map(([left, right]) => `${left.padEnd(width)}  ${right}`.trimEnd());
}
