/**
 * The text of `--help`: what a command does, takes and prints, the flags that only it has first.
 */
import type { ArgDef, ArgsDef, CommandDef, SubCommandsDef } from "citty";
import { clientArgs, logArgs } from "./_common.ts";

declare module "citty" {
  interface CommandMeta {
    /** Whole command lines, as an operator would type them. */
    examples?: string[];
  }
}

type Row = [left: string, right: string];

const commonNames = new Set([...Object.keys(clientArgs), ...Object.keys(logArgs)]);

/** Without colours; `path` holds the words that lead to the command, such as `wsctl jobs show`. */
export async function helpText(command: CommandDef, path: string[]): Promise<string> {
  const meta = await resolve(command.meta);
  const args = (await resolve(command.args)) ?? {};
  const positionals = Object.entries(args).filter(([, arg]) => arg.type === "positional");
  const flags = Object.entries(args).filter(([, arg]) => arg.type !== "positional");
  const own = flags.filter(([name]) => !commonNames.has(name));
  const common = flags.filter(([name]) => commonNames.has(name));
  return [
    meta?.description ?? "",
    section("USAGE", [usageLine(command, path, args)]),
    section("COMMANDS", columns(await commandRows(command))),
    section("ARGUMENTS", columns(positionals.map(positionalRow))),
    section("FLAGS", columns(own.map(flagRow))),
    section(own.length === 0 ? "FLAGS" : "COMMON FLAGS", columns(common.map(flagRow))),
    section("EXAMPLES", meta?.examples ?? []),
  ]
    .filter((part) => part !== "")
    .join("\n\n");
}

function usageLine(command: CommandDef, path: string[], args: ArgsDef): string {
  if (command.subCommands !== undefined) return `${path.join(" ")} COMMAND [FLAGS]`;
  const words = Object.entries(args).map(([name, arg]) => {
    if (arg.type !== "positional") return "";
    return arg.required === false ? `[${name.toUpperCase()}]` : name.toUpperCase();
  });
  const isFlagged = Object.values(args).some((arg) => arg.type !== "positional");
  return [...path, ...words.filter((word) => word !== ""), isFlagged ? "[FLAGS]" : ""]
    .join(" ")
    .trimEnd();
}

async function commandRows(command: CommandDef): Promise<Row[]> {
  const table: SubCommandsDef = (await resolve(command.subCommands)) ?? {};
  const rows = await Promise.all(
    Object.entries(table).map(async ([name, entry]): Promise<Row[]> => {
      const below = (await resolve(entry)) as CommandDef;
      const meta = await resolve(below.meta);
      return meta?.hidden ? [] : [[name, meta?.description ?? ""]];
    }),
  );
  return rows.flat();
}

function positionalRow([name, arg]: [string, ArgDef]): Row {
  return [name.toUpperCase(), arg.description ?? ""];
}

/** A switch that is on by default is shown as what turns it off. */
function flagRow([name, arg]: [string, ArgDef]): Row {
  if (arg.type === "boolean") {
    if (arg.default !== true) return [`--${name}`, arg.description ?? ""];
    return [`--no-${name}`, ("negativeDescription" in arg && arg.negativeDescription) || ""];
  }
  const hint = arg.type === "enum" ? (arg.options ?? []).join("|") : (arg.valueHint ?? "VALUE");
  const otherwise = arg.default === undefined ? "" : ` (${arg.default})`;
  return [`--${name} ${hint}`, `${arg.description ?? ""}${otherwise}`];
}

function section(title: string, lines: string[]): string {
  return lines.length === 0 ? "" : [title, ...lines.map((line) => `  ${line}`)].join("\n");
}

function columns(rows: Row[]): string[] {
  const width = Math.max(0, ...rows.map(([left]) => left.length));
  return rows.map(([left, right]) => `${left.padEnd(width)}  ${right}`.trimEnd());
}

async function resolve<T>(value: T | Promise<T> | (() => T) | (() => Promise<T>)): Promise<T> {
  return typeof value === "function" ? (value as () => T | Promise<T>)() : value;
}
