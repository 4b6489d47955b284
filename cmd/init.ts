import { existsSync, mkdirSync } from "node:fs";
import { dirname } from "node:path";
import { type ArgDef, defineCommand } from "citty";
import { writeFileAtomically } from "../lib/files/atomicWrite.ts";
import { errorText } from "../lib/protocol/errors.ts";
import { findCommand, readArgs } from "./cli/commandTree.ts";
import { exitOk } from "./cli/exit.ts";
import { defaultSettingsFile } from "./cli/paths.ts";
import { fromStart } from "./cli/startDirectory.ts";
import { type CommandData, isRepeatable, usage } from "./cli/strictArgs.ts";
import { print, remark } from "./output/stdio.ts";

export default defineCommand({
  meta: {
    name: "init",
    isStandalone: true,
    description: "Write a settings file in which every setting is a comment",
    examples: ["wsctl init", "wsctl init --config ./wsctl.toml", "wsctl init --stdout"],
  },
  args: {
    config: { type: "string", valueHint: "FILE", description: "settings file to write (TOML)" },
    stdout: { type: "boolean", description: "print the settings instead of writing a file" },
    force: { type: "boolean", description: "replace a file that exists" },
  },
  run: ({ args, data }) => initRun(args, (data as CommandData).root),
});

/** The commands that run for a long time, each with a table of its own in the file. */
const services = ["serve", "agent"] as const;
/** Settings of all commands that use a control plane, at the top of the file. */
const shared = ["server", "token-file", "ca", "data-dir"] as const;
/** Flags that a settings file cannot have, or that belong to one start. */
const left = new Set(["config", "join", "debug"]);

interface InitFlags {
  config?: string | undefined;
  stdout?: boolean | undefined;
  force?: boolean | undefined;
}

async function initRun({ config, stdout, force }: InitFlags, root: CommandData["root"]) {
  const text = await settingsText(root);
  if (stdout) {
    print(text.trimEnd());
    return exitOk;
  }
  const path = config === undefined ? defaultSettingsFile(process.env) : fromStart(config);
  if (existsSync(path) && !force) {
    throw usage(`Cannot write the settings file "${path}": it exists. Use --force to replace it`);
  }
  try {
    mkdirSync(dirname(path), { recursive: true });
    writeFileAtomically(path, text);
  } catch (error) {
    throw usage(`Cannot write the settings file "${path}": ${errorText(error)}`);
  }
  remark(`Settings written to ${path}. Remove the # of a line to set it.`);
  return exitOk;
}

async function settingsText(root: CommandData["root"]): Promise<string> {
  const client = await readArgs((await findCommand(root, ["send"])).command);
  const tables = await Promise.all(
    services.map(async (name) => {
      const args = await readArgs((await findCommand(root, [name])).command);
      const own = Object.entries(args).filter(
        ([flag, arg]) => !left.has(flag) && !isShared(flag) && arg.type !== "positional",
      );
      return [`[${name}]`, ...own.map(formatSetting)].join("\n");
    }),
  );
  const top = shared.flatMap((flag) => {
    const arg = client[flag];
    return arg === undefined ? [] : [formatSetting([flag, arg])];
  });
  const head = [
    "# Settings of wsctl. Remove the # of a line to set it.",
    "# A flag or a WSCTL_… variable takes precedence over this file.",
    "# wsctl COMMAND --help describes all flags; each is a key here, with _ in the place of -.",
  ].join("\n");
  return `${[head, ...top, ...tables].join("\n\n")}\n`;
}

function isShared(flag: string): boolean {
  return (shared as readonly string[]).includes(flag);
}

function formatSetting([flag, arg]: [string, ArgDef]): string {
  const { description = "" } = arg;
  return `# ${description}\n#${flag.replaceAll("-", "_")} = ${formatValue(flag, arg)}`;
}

/** The default as TOML, or else what is expected. */
function formatValue(flag: string, arg: ArgDef): string {
  if (arg.type === "boolean") return String(arg.default ?? false);
  const hint = "valueHint" in arg ? arg.valueHint : undefined;
  const text = JSON.stringify(String(arg.default ?? hint ?? ""));
  return isRepeatable(flag) ? `[${text}]` : text;
}
