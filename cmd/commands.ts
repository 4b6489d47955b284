import { mkdirSync } from "node:fs";
import { basename, join } from "node:path";
import { defineCommand } from "citty";
import { commands as builtIn } from "../lib/agent/commands/registry.ts";
import { parseSource } from "../lib/agent/logs/logSource.ts";
import { type Program, parseProgram } from "../lib/agent/manifests/commandManifest.ts";
import { ManifestDirectory } from "../lib/agent/manifests/manifestDirectory.ts";
import { builtInProgramNames, builtInPrograms } from "../lib/agent/programs/builtInPrograms.ts";
import { parseService } from "../lib/agent/programs/serviceRestart.ts";
import { createFile } from "../lib/files/atomicWrite.ts";
import { silentLog } from "../lib/log/log.ts";
import { errorText } from "../lib/protocol/errors.ts";
import { commonArgs } from "./cli/commonFlags.ts";
import { exitFailed, exitOk } from "./cli/exit.ts";
import { defaultCommandsDir, defaultLogsDir, defaultServicesDir } from "./cli/paths.ts";
import { usage } from "./cli/strictArgs.ts";
import { print, printJson, remark } from "./output/stdio.ts";
import { table } from "./output/table.ts";

const commandsArgs = {
  ...commonArgs,
  "commands-dir": { type: "string", valueHint: "DIR", description: "directory of manifests" },
  "services-dir": { type: "string", valueHint: "DIR", description: "directory of services" },
  "logs-dir": { type: "string", valueHint: "DIR", description: "directory of log sources" },
  json: { type: "boolean", description: "print JSON, one object per line" },
} as const;

const list = defineCommand({
  meta: {
    name: "list",
    description: "List the commands that an agent on this host can offer, and what enables them",
    examples: ["wsctl commands list"],
  },
  args: commandsArgs,
  run: ({ args }) => listRun(args),
});

const lint = defineCommand({
  meta: {
    name: "lint",
    description: "Validate all manifests and report errors",
    examples: ["wsctl commands lint"],
  },
  args: commandsArgs,
  run: ({ args }) => lintRun(args),
});

const create = defineCommand({
  meta: {
    name: "create",
    description: "Create an example manifest",
    examples: ["wsctl commands create deploy"],
  },
  args: {
    name: { type: "positional", required: true, description: "name of the command" },
    ...commandsArgs,
  },
  run: ({ args }) => newRun(args),
});

export default defineCommand({
  meta: {
    name: "commands",
    description: "List, validate and create custom commands",
    examples: ["wsctl commands create deploy", "wsctl commands lint"],
  },
  default: "list",
  subCommands: { list, lint, create },
});

export interface CommandsOptions {
  "commands-dir"?: string | undefined;
  "services-dir"?: string | undefined;
  "logs-dir"?: string | undefined;
  json?: boolean | undefined;
}

export async function listRun(options: CommandsOptions): Promise<number> {
  const own = openManifestDirectory(options)
    .list()
    .flatMap(({ item }) => (item === undefined ? [] : [item]));
  const rows = [
    ...[...builtIn.values()].map(({ name, summary }) => {
      return { name, from: "built in", enabled_by: "always", summary };
    }),
    ...builtInPrograms.map(({ name, summary, enabledBy }) => {
      return { name, from: "built in", enabled_by: enabledBy, summary };
    }),
    ...own.map(({ name, description }) => {
      return { name, from: "manifest", enabled_by: "always", summary: description };
    }),
  ];
  if (options.json) rows.forEach(printJson);
  else
    print(
      table(
        ["COMMAND", "FROM", "ENABLED BY", "WHAT IT DOES"],
        rows.map((row) => Object.values(row)),
      ),
    );
  return exitOk;
}

async function lintRun(options: CommandsOptions): Promise<number> {
  const services = new ManifestDirectory(resolveServicesDir(options), parseService, [], silentLog);
  const logs = new ManifestDirectory(resolveLogsDir(options), parseSource, [], silentLog);
  const dir = resolveCommandsDir(options);
  const listed = [
    ...inDirectory(dir, openManifestDirectory(options)),
    ...inDirectory(resolveServicesDir(options), services),
    ...inDirectory(resolveLogsDir(options), logs),
  ];
  if (listed.length === 0)
    remark(`No manifests in ${dir}: "wsctl commands create NAME" writes one.`);
  for (const { place, file, item, fault } of listed) {
    if (options.json) printJson({ file, ok: fault === undefined, fault });
    else
      print(fault === undefined ? `ok    ${place}${file}: ${item.name}` : `FAIL  ${place}${fault}`);
  }
  return listed.some(({ fault }) => fault !== undefined) ? exitFailed : exitOk;
}

/** Files of two directories may have one name. */
function inDirectory<Item>(dir: string, manifests: ManifestDirectory<Item & { name: string }>) {
  return manifests.list().map((each) => ({ ...each, place: `${basename(dir)}/` }));
}

async function newRun(options: CommandsOptions & { name: string }): Promise<number> {
  const file = `${options.name}.toml`;
  if (!/^[a-z0-9][a-z0-9._-]*$/i.test(options.name)) {
    throw usage(`Name "${options.name}": expected letters, digits, ".", "_" and "-"`);
  }
  if (builtInNames.includes(options.name)) {
    throw usage(`Cannot create command "${options.name}": it is built in. Use another name`);
  }
  const text = template(options.name);
  parseProgram(file, text);
  const path = join(resolveCommandsDir(options), file);
  try {
    mkdirSync(resolveCommandsDir(options), { recursive: true, mode: 0o755 });
    createFile(path, text, 0o644);
  } catch (error) {
    throw usage(`Cannot write "${path}": ${errorText(error)}`);
  }
  if (options.json) printJson({ file: path });
  else print(path);
  remark("Agents on this host load it automatically. Validate it with: wsctl commands lint");
  return exitOk;
}

const builtInNames = [...builtIn.keys(), ...builtInProgramNames];

function openManifestDirectory(options: CommandsOptions): ManifestDirectory<Program> {
  return new ManifestDirectory(resolveCommandsDir(options), parseProgram, builtInNames, silentLog);
}

function resolveServicesDir(options: CommandsOptions): string {
  return options["services-dir"] ?? defaultServicesDir(process.env);
}

function resolveLogsDir(options: CommandsOptions): string {
  return options["logs-dir"] ?? defaultLogsDir(process.env);
}

function resolveCommandsDir(options: CommandsOptions): string {
  return options["commands-dir"] ?? defaultCommandsDir(process.env);
}

function template(name: string): string {
  return `description = "says hello"

# Started as it stands, never through a shell; {who} becomes exactly one argument.
argv = ["/bin/echo", "hello", "{who}"]

# The longest it may run, and how many of it at a time.
timeout_seconds = 60
concurrency = 1

# user = "nobody"
# directory = "/"
# output_bytes = 12288

# [env]
# STAGE = "production"

# What it takes, as a JSON Schema. The program also finds it as JSON on its standard input and,
# one by one, as WSCTL_PARAM_WHO and so on. JSON on its last line, or in the file that
# WSCTL_RESULT_FILE names, becomes the result of ${JSON.stringify(name)}.
[parameters.properties.who]
type = "string"
pattern = "^[A-Za-z ]{1,40}$"
default = "world"
`;
}
