import { accessSync, constants, existsSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { defineCommand } from "citty";
import { writeFileAtomically } from "../lib/files/atomicWrite.ts";
import { errorText } from "../lib/protocol/errors.ts";
import { loadRuntime } from "../lib/runtime/load.ts";
import { commonArgs } from "./cli/commonFlags.ts";
import { exitOk } from "./cli/exit.ts";
import { hostSettingsFile } from "./cli/paths.ts";
import { type CommandData, usage } from "./cli/strictArgs.ts";
import { assertSystem } from "./cli/supportedSystem.ts";
import { print, remark } from "./output/stdio.ts";
import { reloadUnits, startUnit, stopUnit } from "./service/startUnit.ts";
import {
  formatUnit,
  type Service,
  type ServiceArguments,
  services,
  unitName,
} from "./service/systemdUnit.ts";

const unitArgs = {
  service: {
    type: "positional",
    required: true,
    valueHint: "serve|agent",
    description: "serve or agent",
  },
  args: {
    type: "positional",
    required: false,
    valueHint: "ARGS…",
    description: "arguments of the service, after --",
  },
  program: {
    type: "string",
    valueHint: "FILE",
    description: "binary that the service starts; default: this one",
  },
  ...commonArgs,
} as const;

const printUnit = defineCommand({
  meta: {
    name: "print",
    description: "Print a systemd unit",
    examples: ["wsctl service print serve -- --host 0.0.0.0"],
  },
  args: unitArgs,
  run: ({ args, data }) => printRun({ ...args, args: (data as CommandData).lists.args ?? [] }),
});

const install = defineCommand({
  meta: {
    name: "install",
    description: "Write, enable and start the systemd unit; needs root",
    examples: ["wsctl service install agent"],
  },
  args: unitArgs,
  run: ({ args, data }) => installRun({ ...args, args: (data as CommandData).lists.args ?? [] }),
});

const uninstall = defineCommand({
  meta: {
    name: "uninstall",
    description: "Stop, disable and remove the systemd unit; data and settings stay; needs root",
    examples: ["wsctl service uninstall agent"],
  },
  args: { service: unitArgs.service, ...commonArgs },
  run: ({ args }) => uninstallRun(args.service),
});

export default defineCommand({
  meta: { name: "service", description: "Run serve or agent as a systemd service" },
  subCommands: { print: printUnit, install, uninstall },
});

interface ServiceOptions {
  service: string;
  args: readonly string[];
  program?: string | undefined;
}

const unitsDir = "/etc/systemd/system";

async function printRun(options: ServiceOptions): Promise<number> {
  print((await buildUnit(options)).text.trimEnd());
  return exitOk;
}

async function installRun(options: ServiceOptions): Promise<number> {
  const { name, text, flags } = await buildUnit(options);
  const path = join(unitsDir, name);
  requireFiles(flags);
  requireSystemd(options.service);
  const isUnchanged = readIfExists(path) === text;
  try {
    writeFileAtomically(path, text, 0o644);
  } catch (error) {
    throw usage(`Cannot write "${path}": ${errorText(error)}; run this as root`);
  }
  const pid = await startUnit(name, path, isUnchanged);
  print(path);
  remark(`Running as process ${pid}: systemctl status ${name}`);
  return exitOk;
}

/** Programs that the agent has started continue: the unit leaves them alone. */
function uninstallRun(service: string): number {
  const name = unitName(requireService(service));
  const path = join(unitsDir, name);
  if (!existsSync(path)) throw usage(`Cannot uninstall "${name}": "${path}" does not exist`);
  stopUnit(name, path);
  try {
    rmSync(path);
  } catch (error) {
    throw usage(`Cannot remove "${path}": ${errorText(error)}; run this as root`);
  }
  reloadUnits(name, path);
  print(`removed ${path}`);
  const data = service === "serve" ? "/var/lib/wsctl" : "/var/lib/wsctl-agent";
  remark(`Data in ${data} and settings in /etc/wsctl stay: remove them if you need them no more`);
  return exitOk;
}

function requireService(service: string): Service {
  assertSystem("service");
  if (services.includes(service)) return service as Service;
  throw usage(`Unknown service "${service}": expected serve or agent`);
}

function readIfExists(path: string): string | undefined {
  return existsSync(path) ? readFileSync(path, "utf8") : undefined;
}

/** As sd_booted(3) finds out. Nothing is written where nothing would start it. */
function requireSystemd(service: string): void {
  if (existsSync("/run/systemd/system")) return;
  const text = `Cannot install the service "${service}": systemd does not run on this host`;
  throw usage(`${text}. For another one, see: wsctl service print ${service}`);
}

/** A missing file would stop the service at its start, or at the next boot. */
function requireFiles({ list }: ServiceArguments): void {
  for (const { fileFlag, text } of list) {
    if (fileFlag === undefined) continue;
    try {
      accessSync(text, constants.R_OK);
    } catch (error) {
      throw usage(`Flag --${fileFlag}: cannot read "${text}": ${errorText(error)}`);
    }
  }
}

async function buildUnit({ service, args, program }: ServiceOptions) {
  const known = requireService(service);
  const own = program ?? (await loadRuntime()).program();
  if (own?.startsWith("/") !== true) {
    throw usage("Flag --program: expected the absolute path of a binary");
  }
  const secret = args.find((word) => /^(--[\w-]+=)?(wsj1\.|wsctl-[0-9a-f]{12}-)/.test(word));
  if (secret !== undefined) {
    throw usage(
      "An argument contains a secret, which every user could read in the unit: use a file of root with --join @FILE or --token-file FILE",
    );
  }
  const name = unitName(known);
  const { parseServiceArguments } = await import("./service/serviceArguments.ts");
  const flags = parseServiceArguments(known, args);
  if (service === "serve") addHostSettings(flags);
  return { name, flags, text: formatUnit({ service: known, program: own, flags }) };
}

/** The user of the service has no settings of its own, and gets those of the host. */
function addHostSettings({ list }: ServiceArguments): void {
  const isNamed = list.some(({ fileFlag }) => fileFlag === "config");
  if (isNamed || !existsSync(hostSettingsFile)) return;
  list.push({ text: "--config" }, { fileFlag: "config", text: hostSettingsFile });
}
