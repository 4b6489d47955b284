import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { defineCommand } from "citty";
import { errorText } from "../lib/protocol/errors.ts";
import { loadRuntime } from "../lib/runtime/load.ts";
import { commonArgs } from "./cli/commonFlags.ts";
import { exitOk } from "./cli/exit.ts";
import { type CommandData, usage } from "./cli/strictArgs.ts";
import { print, remark } from "./output/stdio.ts";
import { formatUnit, type Service, services, unitName } from "./service/systemdUnit.ts";

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

export default defineCommand({
  meta: { name: "service", description: "Run serve or agent as a systemd service" },
  subCommands: { print: printUnit, install },
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
  const { name, text } = await buildUnit(options);
  const path = join(unitsDir, name);
  try {
    writeFileSync(path, text, { mode: 0o644 });
  } catch (error) {
    throw usage(`Cannot write "${path}": ${errorText(error)}; run this as root`);
  }
  for (const words of [["daemon-reload"], ["enable", "--now", name]]) {
    const done = spawnSync("systemctl", words, { encoding: "utf8" });
    if (done.status === 0) continue;
    const why = done.error === undefined ? done.stderr.trim() : errorText(done.error);
    throw usage(`The unit is in "${path}", but "systemctl ${words.join(" ")}" failed: ${why}`);
  }
  print(path);
  remark(`Running: systemctl status ${name}`);
  return exitOk;
}

async function buildUnit({ service, args, program }: ServiceOptions) {
  if (!services.includes(service))
    throw usage(`Unknown service "${service}": expected serve or agent`);
  const own = program ?? (await loadRuntime()).program();
  if (own?.startsWith("/") !== true) {
    throw usage("Flag --program: expected the absolute path of a binary");
  }
  const secret = args.find((word) => /^(wsj1\.|wsctl-[0-9a-f]{12}-)/.test(word));
  if (secret !== undefined) {
    throw usage(
      "An argument contains a secret, which every user could read in the unit: use a file of root with --join @FILE or --token-file FILE",
    );
  }
  const name = unitName(service as Service);
  return { name, text: formatUnit({ service: service as Service, program: own, flags: args }) };
}
