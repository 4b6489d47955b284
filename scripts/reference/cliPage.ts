/** The CLI reference in Markdown. */
import type { Row } from "../../cmd/cli/help.ts";
import { allCommands, type CommandEntry, commonFlags } from "./commands.ts";

export async function cliPage(): Promise<string> {
  const [root, ...commands] = await allCommands();
  const index = (root?.below ?? []).map(
    ([name, text]): Row => [`[\`wsctl ${name}\`](#wsctl-${name})`, text],
  );
  return `# CLI reference

\`npm run reference\` writes this page from the definitions that \`wsctl --help\` uses, and a test
compares them. The man page, \`docs/man/wsctl.1\`, has the same content.

Each flag is also an environment variable and a key of the settings file: see
[configuration](configuration.md). \`wsctl COMMAND --help\` prints one section of this page.

${table(["Command", "Description"], index)}

## Common flags

Most commands accept these flags. Each section names the ones that its command accepts.

${flagTable("Flag", commonFlags)}

## Exit status

${table(
  ["Status", "Meaning"],
  exitRows.map(([left, right]): Row => [`\`${left}\``, right]),
)}

${commands.map(sectionOf).join("\n\n")}
`;
}

export const exitRows: Row[] = [
  ["0", "All requests succeeded, or the command did what it says."],
  ["1", "At least one request did not succeed, or the command failed."],
  ["2", "The command line, a settings file or an input file is wrong."],
  ["3", "The control plane cannot be reached."],
  ["4", "The token is missing, invalid, or does not permit this."],
  ["5", "The target matches no known agent."],
  ["130", "Ctrl-C interrupted the command."],
  ["141", "The reader of standard output closed it."],
];

function sectionOf(entry: CommandEntry): string {
  const { name, description, usage, below, positionals, flags, common, examples } = entry;
  const depth = name.split(" ").length;
  const commands = below.map(
    ([word, text]): Row => [
      `[\`${name} ${word}\`](#${`${name} ${word}`.replaceAll(" ", "-")})`,
      text,
    ],
  );
  const names = common.map((flag) => `\`--${flag}\``).join(", ");
  return [
    `${"#".repeat(depth)} ${name}`,
    `${description}.`,
    fence(usage),
    below.length === 0 ? "" : table(["Command", "Description"], commands),
    positionals.length === 0 ? "" : flagTable("Argument", positionals),
    flags.length === 0 ? "" : flagTable("Flag", flags),
    names === "" ? "" : `Common flags: ${names}.`,
    examples.length === 0 ? "" : `Examples:\n\n${fence(examples.join("\n"))}`,
  ]
    .filter((part) => part !== "")
    .join("\n\n");
}

function flagTable(title: string, rows: Row[]): string {
  return table(
    [title, "Description"],
    rows.map(([left, right]): Row => [`\`${left}\``, right]),
  );
}

/** A table as the formatter of the project writes it: its columns are aligned. */
export function table(head: string[], rows: string[][]): string {
  const lines = [head, ...rows].map((cells) => cells.map((cell) => cell.replaceAll("|", "\\|")));
  const widths = head.map((_, at) => Math.max(...lines.map((cells) => cells[at]?.length ?? 0)));
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell, at) => cell.padEnd(widths[at] ?? 0)).join(" | ")} |`;
  const [first = [], ...rest] = lines;
  return [line(first), line(widths.map((width) => "-".repeat(width))), ...rest.map(line)].join(
    "\n",
  );
}

function fence(text: string): string {
  return `\`\`\`text\n${text}\n\`\`\``;
}
