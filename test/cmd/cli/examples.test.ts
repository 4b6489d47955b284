/** The examples of every help: each command has some, and its own parser accepts them. */
import { expect, test } from "bun:test";
import type { CommandDef, SubCommandsDef } from "citty";
import { findCommand, readArgs, readMeta, resolveValue } from "../../../cmd/cli/commandTree.ts";
import { formatHelp } from "../../../cmd/cli/help.ts";
import { strictArgs } from "../../../cmd/cli/strictArgs.ts";
import { root } from "../../../cmd/commandTable.ts";

/** Every command that has no commands below it, by its words. */
async function leaves(command: CommandDef, path: string[]): Promise<[string, CommandDef][]> {
  const { hidden } = await readMeta(command);
  if (hidden) return [];
  const table = (await resolveValue(command.subCommands)) as SubCommandsDef | undefined;
  if (table === undefined) return [[path.join(" "), command]];
  const below = await Promise.all(
    Object.entries(table).map(async ([name, entry]) =>
      leaves((await resolveValue(entry)) as CommandDef, [...path, name]),
    ),
  );
  return below.flat();
}

/** Every command that has commands below it. */
async function groups(command: CommandDef, path: string[]): Promise<[string, CommandDef][]> {
  const { hidden } = await readMeta(command);
  const table = (await resolveValue(command.subCommands)) as SubCommandsDef | undefined;
  if (hidden || table === undefined) return [];
  const below = await Promise.all(
    Object.entries(table).map(async ([name, entry]) =>
      groups((await resolveValue(entry)) as CommandDef, [...path, name]),
    ),
  );
  return [[path.join(" "), command], ...below.flat()];
}

/** The words of a command line, up to a pipe, a redirection or a comment. */
function wordsOf(line: string): string[] {
  const found = line.matchAll(/(?:[^\s'"]|'[^']*'|"[^"]*")+/g);
  const words = [...found].map(([word]) => word.replaceAll(/'([^']*)'|"([^"]*)"/g, "$1$2"));
  const end = words.findIndex((word) => /^[|<>;#]/.test(word));
  return end === -1 ? words : words.slice(0, end);
}

const commands = await leaves(root, ["wsctl"]);

test.each(commands)("%s has examples, which its parser accepts", async (path, command) => {
  const { examples = [] } = await readMeta(command);
  const shown: string[] = [];
  for (const example of examples) {
    // An example may begin with a program whose output wsctl reads, or be of another program.
    const [, line] = /(?:^|[|;(] ?)(wsctl .*)$/.exec(example) ?? [];
    if (line === undefined) continue;
    const words = wordsOf(line);
    const found = await findCommand(root, words.slice(1));
    shown.push(found.path.join(" "));
    const args = await readArgs(found.command);
    expect(() => strictArgs(found.rest, args, { env: {}, settings: {} })).not.toThrow();
  }
  expect(shown).toContain(path);
});

test.each(await groups(root, ["wsctl"]))("the help of %s shows examples", async (path, command) => {
  const help = await formatHelp(command, path.split(" "));
  const [, shown = ""] = help.split("\n\nEXAMPLES\n");
  expect(shown.split("\n").length).toBeWithin(1, 6);
  expect(shown).toContain(`  ${path} `);
});
