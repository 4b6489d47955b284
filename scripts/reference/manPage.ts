/** The man page, in roff. */
import type { Row } from "../../cmd/cli/help.ts";
import { version } from "../../lib/protocol/wire/version.ts";
import { exitRows } from "./cliPage.ts";
import { allCommands, type CommandEntry, commonFlags } from "./commands.ts";

const environment: Row[] = [
  ["WSCTL_TOKEN", "The token, if --token-file does not name a file. No flag takes a token."],
  ["WSCTL_FLAG_NAME", "The value of --flag-name, such as WSCTL_DATA_DIR for --data-dir."],
  ["NO_COLOR", "Print without colours."],
];

const files: Row[] = [
  ["/etc/wsctl/config.toml", "Settings of root. Other users: ~/.config/wsctl/config.toml."],
  ["/var/lib/wsctl", "Data of root. Other users: ~/.local/state/wsctl."],
  ["/etc/wsctl/commands.d", "Custom commands. Beside it: services.d and logs.d."],
];

export async function manPage(): Promise<string> {
  const [root, ...commands] = await allCommands();
  return [
    `.TH WSCTL 1 "" "wsctl ${version}" "User Commands"`,
    ".SH NAME",
    `wsctl \\- ${escaped(root?.description ?? "")}`,
    ".SH SYNOPSIS",
    ".B wsctl\n.I COMMAND\n.RI [ FLAGS ]",
    ".SH DESCRIPTION",
    escaped("wsctl serve runs a control plane. wsctl agent runs on every managed host and keeps a"),
    escaped("connection to it. wsctl send sends a command to agents and prints each response."),
    ".SH COMMANDS",
    ...commands.map(sectionOf),
    ".SH COMMON FLAGS",
    ...commonFlags.map(item),
    ".SH EXIT STATUS",
    ...exitRows.map(item),
    ".SH ENVIRONMENT",
    ...environment.map(item),
    ".SH FILES",
    ...files.map(item),
    "",
  ].join("\n");
}

function sectionOf(entry: CommandEntry): string {
  const { name, description, usage, positionals, flags, examples } = entry;
  return [
    `.SS ${escaped(name)}`,
    `${escaped(description)}.`,
    ".PP",
    `.B ${escaped(usage)}`,
    ...[...positionals, ...flags].map(item),
    ...(examples.length === 0
      ? []
      : [".PP", "Examples:", ".PP", ".nf", ...examples.map(escaped), ".fi"]),
  ].join("\n");
}

function item([left, right]: Row): string {
  return `.TP\n.B ${escaped(left)}\n${escaped(right)}`;
}

/** Text as it is: no word becomes a request, a hyphen or an escape of roff. */
function escaped(text: string): string {
  const body = text.replaceAll("\\", "\\e").replaceAll("-", "\\-");
  return /^[.']/.test(body) ? `\\&${body}` : body;
}
