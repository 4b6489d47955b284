import { defineCommand } from "citty";
import { loadRuntime } from "../lib/runtime/load.ts";
import { systemClock } from "../lib/time/clock.ts";
import { type ClientFlags, clientArgs, commonArgs, logArgs } from "./cli/commonFlags.ts";
import { exitOk } from "./cli/exit.ts";
import { createCliLog } from "./cli/log.ts";
import { usage } from "./cli/strictArgs.ts";
import { type NatsFlags, natsArgs, parseNats } from "./flags/cluster.ts";
import { resolveDataDir } from "./flags/connection.ts";
import { createClient } from "./flags/controlPlane.ts";
import { quantity } from "./output/quantity.ts";
import { print, printJson, remark, requireStdout } from "./output/stdio.ts";
import { table } from "./output/table.ts";

const moveArgs = {
  ...natsArgs,
  cluster: { ...natsArgs.cluster, required: true, description: "NATS servers of the cluster" },
  ...commonArgs,
  ...logArgs,
} as const;

const status = defineCommand({
  meta: {
    name: "status",
    description: "Show the nodes, the leader and the durability of the cluster",
    examples: ["wsctl cluster status", "wsctl cluster status --json"],
  },
  args: clientArgs,
  run: ({ args }) => statusRun(args),
});

const natsConfig = defineCommand({
  meta: {
    name: "nats-config",
    description: "Print a configuration of nats-server with the permissions of the nodes",
    examples: [
      "wsctl cluster nats-config --host nats-1 --peers nats-2,nats-3 > /etc/nats-server.conf",
    ],
  },
  args: {
    host: {
      type: "string",
      required: true,
      valueHint: "HOST",
      description: "host of this NATS server",
    },
    peers: {
      type: "string",
      valueHint: "HOSTS",
      description: "hosts of the other NATS servers, separated by commas",
    },
    "cluster-name": natsArgs["cluster-name"],
    ...commonArgs,
  },
  run: ({ args }) => natsConfigRun(args),
});

const importCommand = defineCommand({
  meta: {
    name: "import",
    description: "Take the log of a stopped control plane into an empty cluster",
    examples: [
      "wsctl cluster import --data-dir /var/lib/wsctl --cluster nats://nats-1,nats://nats-2",
    ],
  },
  args: moveArgs,
  run: ({ args }) => importRun(args),
});

const exportCommand = defineCommand({
  meta: {
    name: "export",
    description: "Make the data directory of a stopped node that of a single control plane",
    examples: [
      "wsctl cluster export --data-dir /var/lib/wsctl --cluster nats://nats-1,nats://nats-2",
    ],
  },
  args: moveArgs,
  run: ({ args }) => exportRun(args),
});

export default defineCommand({
  meta: { name: "cluster", description: "Show and set up a cluster of control planes" },
  subCommands: {
    status,
    "nats-config": natsConfig,
    import: importCommand,
    export: exportCommand,
  },
});

async function statusRun(flags: ClientFlags & { json?: boolean | undefined }): Promise<number> {
  const client = await createClient(flags);
  requireStdout();
  const found = await client.cluster();
  if (flags.json === true) {
    printJson(found);
    return exitOk;
  }
  const { cluster, leader, epoch, sequence, durability, nats, nodes } = found;
  print(`cluster     ${cluster}`);
  print(`leader      ${leader} (epoch ${epoch})`);
  print(
    `durability  ${durability}, ${quantity(nats.replicas, "copy", "copies")} in NATS ${nats.version}`,
  );
  print(`log         ${quantity(sequence, "entry", "entries")}`);
  print("");
  const rows = nodes.map((node) => [
    node.node,
    node.role,
    String(Math.max(0, sequence - node.sequence)),
    String(node.agents),
    node.version,
    node.url,
    node.started_at,
  ]);
  print(table(["NODE", "ROLE", "BEHIND", "AGENTS", "VERSION", "URL", "STARTED"], rows));
  return exitOk;
}

interface NatsConfigFlags {
  host: string;
  peers?: string | undefined;
  "cluster-name": string;
}

async function natsConfigRun(flags: NatsConfigFlags): Promise<number> {
  const { natsConfig: format } = await import("../lib/cluster/nats/natsConfig.ts");
  const hosts = [flags.host, ...(flags.peers?.split(",") ?? [])].map((host) => host.trim());
  const wrong = hosts.find((host) => !/^[A-Za-z0-9.:[\]-]+$/.test(host));
  if (wrong !== undefined) throw usage(`Host "${wrong}" is not a name or an address`);
  const { cluster } = parseNats("nats://nats-1", { "cluster-name": flags["cluster-name"] });
  const [host = "", ...peers] = hosts;
  print(format({ cluster, host, peers }).trimEnd());
  return exitOk;
}

interface MoveFlags extends NatsFlags {
  cluster: string;
  "data-dir"?: string | undefined;
  "log-level"?: string;
  "log-json"?: boolean | undefined;
}

async function importRun(flags: MoveFlags): Promise<number> {
  const { importLog } = await import("../lib/cluster/moveLog.ts");
  const entries = await importLog(await moveOptions(flags));
  remark(
    `Imported ${quantity(entries, "entry", "entries")}. Start the nodes with wsctl serve --cluster`,
  );
  return exitOk;
}

async function exportRun(flags: MoveFlags): Promise<number> {
  const { exportLog } = await import("../lib/cluster/moveLog.ts");
  const sequence = await exportLog(await moveOptions(flags));
  remark(`Exported the log up to entry ${sequence}. Start wsctl serve without --cluster`);
  return exitOk;
}

async function moveOptions(flags: MoveFlags) {
  return {
    dataDir: resolveDataDir(flags),
    settings: parseNats(flags.cluster, flags),
    runtime: await loadRuntime(),
    clock: systemClock(),
    log: createCliLog(flags),
  };
}
