/**
 * Determines what the word under the cursor is: a command, a flag, or a kind of value. The kind
 * follows from the hint that `--help` shows.
 */
import type { ArgDef, ArgsDef, CommandDef } from "citty";
import { type CommandMatch, readArgs, resolveValue, shownCommands } from "../cli/commandTree.ts";
import { commonNames } from "../cli/help.ts";
import { type PartialArgs, parsePartialArgs } from "../cli/partialArgs.ts";
import { isRepeatable, isSeparated } from "../cli/strictArgs.ts";
import type { Part } from "./candidates.ts";

/** The kind of an argument, for which there are candidates. */
export type CandidateKind =
  | "agent"
  | "agents"
  | "artifact"
  | "command"
  | "job"
  | "parameter"
  | "saved-target"
  | "schedule"
  | "selector"
  | "shell"
  | "template"
  | "token"
  | "webhook"
  | "files"
  | "dirs";

/** A word of wsctl and its description. */
export type Choice = readonly [text: string, description: string];

export interface CompletionContext {
  part: Part;
  /** Candidates that are known without a control plane. */
  choices: readonly Choice[];
  /** The kind of the other candidates. */
  kind?: CandidateKind;
  /** The other arguments of the command line. */
  typed: PartialArgs;
  found: CommandMatch;
}

const kinds: Readonly<Record<string, CandidateKind>> = {
  ID: "agent",
  AGENT: "agent",
  "ID[,ID…]": "agents",
  ARTIFACT: "artifact",
  COMMAND: "command",
  JOB: "job",
  "KEY=VALUE": "parameter",
  SCHEDULE: "schedule",
  SELECTOR: "selector",
  TEMPLATE: "template",
  SHELL: "shell",
  TOKEN: "token",
  FILE: "files",
  "FILE|DIR": "files",
  DIR: "dirs",
};

/** What a name is of that an existing resource has, by the command above. */
const namedKinds: Readonly<Record<string, CandidateKind>> = {
  schedules: "schedule",
  targets: "saved-target",
  templates: "template",
  webhooks: "webhook",
};

/** Returns undefined if nothing is known, for example after an unknown command. */
export async function parseCompletionContext(
  words: readonly string[],
  index: number,
  root: CommandDef,
): Promise<CompletionContext | undefined> {
  const word = words[index] ?? "";
  const before = words.slice(1, index);
  const found = await walk(before[0] === "help" ? before.slice(1) : before, root);
  if (found === undefined) return undefined;
  const { command, rest, group } = found;
  const args = await readArgs(command);
  const typed = parsePartialArgs(rest, args);
  const { pending } = typed;
  for (const [name, values] of parsePartialArgs(words.slice(index + 1), args).flags) {
    typed.flags.set(name, [...(typed.flags.get(name) ?? []), ...values]);
  }
  const at = (
    part: Part,
    def: ArgDef | undefined,
    choices: readonly Choice[] = [],
  ): CompletionContext => ({
    part,
    typed,
    found,
    choices: [...choices, ...options(def)],
    ...findKind(def, found.path),
  });
  const whole = { prefix: "", typed: word };
  if (pending !== undefined) return at(whole, args[pending]);
  if (word.startsWith("-") && !typed.isSeparated) {
    const equals = word.indexOf("=");
    if (equals < 0) return at(whole, undefined, wordChoices(args, typed));
    const part = { prefix: word.slice(0, equals + 1), typed: word.slice(equals + 1) };
    const name = word.slice(2, equals);
    return at(part, Object.hasOwn(args, name) ? args[name] : undefined);
  }
  if (group !== undefined) return at(whole, undefined, await shownCommands(group));
  const positionals = Object.values(args).filter(({ type }) => type === "positional");
  const positional = positionals[typed.positionals.length];
  if (positional !== undefined && !isSeparated(positional)) return at(whole, positional);
  return at(whole, undefined, typed.isSeparated ? [] : wordChoices(args, typed));
}

/**
 * Finds the command like `findCommand`, but if a word is missing, it returns all possible words.
 */
async function walk(
  words: readonly string[],
  root: CommandDef,
): Promise<(CommandMatch & { group?: CommandDef }) | undefined> {
  let command = root;
  let rest = [...words];
  const path = ["wsctl"];
  let group: CommandDef | undefined;
  for (;;) {
    const table = (await resolveValue(command.subCommands)) as Record<string, unknown> | undefined;
    if (table === undefined) break;
    const [word] = rest;
    const isWord = word !== undefined && Object.hasOwn(table, word);
    const isOpen = word === undefined || word.startsWith("-");
    const otherwise = (await resolveValue(command.default)) as string | undefined;
    if (!isWord && !isOpen) return undefined;
    if (isOpen && word === undefined) group = command;
    const name = isWord ? word : otherwise;
    if (name === undefined) break;
    if (isWord) rest = rest.slice(1);
    path.push(name);
    command = (await resolveValue(table[name])) as CommandDef;
  }
  return { root, command, path, rest, ...(group === undefined ? {} : { group }) };
}

/** Returns the flags, and `--` where arguments are only taken after it. */
function wordChoices(args: ArgsDef, typed: PartialArgs): Choice[] {
  const separated = Object.values(args).find(isSeparated);
  const dash: Choice[] = separated === undefined ? [] : [["--", separated.description ?? ""]];
  return [...flagChoices(args, typed), ...dash];
}

/** Returns the flags that may still be given; the command's own flags come first. */
function flagChoices(args: ArgsDef, { flags }: PartialArgs): Choice[] {
  const open = Object.entries(args).filter(
    ([name, { type }]) => type !== "positional" && (!flags.has(name) || isRepeatable(name)),
  );
  const shown = open.map(([name, arg]): Choice => {
    if (arg.type !== "boolean" || arg.default !== true) return [`--${name}`, arg.description ?? ""];
    const negative = "negativeDescription" in arg ? arg.negativeDescription : undefined;
    return [`--no-${name}`, negative ?? ""];
  });
  const isCommon = ([text]: Choice) => commonNames.has(text.replace(/^--(no-)?/, ""));
  const own = shown.filter((each) => !isCommon(each));
  return [...own, ...shown.filter(isCommon), ["--help", "show the help of this command"]];
}

function options(def: ArgDef | undefined): Choice[] {
  return def?.type === "enum" ? (def.options ?? []).map((option): Choice => [option, ""]) : [];
}

function findKind(
  def: ArgDef | undefined,
  [, group = "", command]: readonly string[],
): { kind?: CandidateKind } {
  const hint = def?.valueHint;
  if (def?.type === "positional" && hint === "NAME" && command !== "create") {
    return Object.hasOwn(namedKinds, group) ? { kind: namedKinds[group] as CandidateKind } : {};
  }
  const kind = hint !== undefined && Object.hasOwn(kinds, hint) ? kinds[hint] : undefined;
  return kind === undefined ? {} : { kind };
}
