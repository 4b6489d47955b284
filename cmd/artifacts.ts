import { existsSync, statSync } from "node:fs";
import { join } from "node:path";
import { defineCommand } from "citty";
import * as v from "valibot";
import { Client } from "../lib/client/client.ts";
import type { ArtifactView } from "../lib/protocol/api/artifacts.ts";
import { WsctlError } from "../lib/protocol/errors.ts";
import { ArtifactName } from "../lib/protocol/names.ts";
import { type ClientFlags, clientArgs } from "./cli/commonFlags.ts";
import { exitFailed, exitInterrupted, exitOk, waitForSignal } from "./cli/exit.ts";
import { usage } from "./cli/strictArgs.ts";
import { createClient, findControlPlane } from "./flags/controlPlane.ts";
import { parseAgentId } from "./flags/values.ts";
import { print, printJson, remark } from "./output/stdio.ts";
import { table } from "./output/table.ts";
import { formatBytes, terminalProgress } from "./output/transferProgress.ts";
import { fetchArtifact } from "./transfer/fetchArtifact.ts";

const limitMax = 500;

const id = {
  type: "positional",
  required: true,
  valueHint: "ARTIFACT",
  description: "artifact ID, or its beginning of at least 4 characters",
} as const;

const list = defineCommand({
  meta: {
    name: "list",
    description: "List artifacts, newest first",
    examples: [
      "wsctl artifacts list --job JOB",
      "wsctl artifacts list --agent db-1 --name '*.dump'",
    ],
  },
  args: {
    ...clientArgs,
    job: { type: "string", valueHint: "JOB", description: "artifacts of this job" },
    agent: { type: "string", valueHint: "AGENT", description: "artifacts of this agent" },
    name: {
      type: "string",
      valueHint: "NAME",
      description: "artifacts with this name; * and ? are wildcards: '*.dump'",
    },
    limit: { type: "string", default: "50", valueHint: "N", description: "maximum number of rows" },
    cursor: {
      type: "string",
      valueHint: "ARTIFACT",
      description: "show artifacts older than this one",
    },
  },
  run: ({ args }) => listRun(args),
});

const get = defineCommand({
  meta: {
    name: "get",
    description: "Download an artifact; repeat to resume",
    examples: ["wsctl artifacts get ARTIFACT", "wsctl artifacts get ARTIFACT --output dump.tar"],
  },
  args: {
    id,
    ...clientArgs,
    output: {
      type: "string",
      valueHint: "FILE|DIR",
      description: "file or directory to write to; default: the artifact's name in this directory",
    },
  },
  run: ({ args }) => getRun(args),
});

const remove = defineCommand({
  meta: {
    name: "delete",
    description: "Delete an artifact and its content",
    examples: ["wsctl artifacts delete 01a2"],
  },
  args: {
    id,
    ...clientArgs,
  },
  run: ({ args }) => deleteRun(args),
});

export default defineCommand({
  meta: { name: "artifacts", description: "List, download and delete artifacts" },
  default: "list",
  subCommands: { list, get, delete: remove },
});

export interface ArtifactsOptions extends ClientFlags {
  json?: boolean | undefined;
}

/** @throws {WsctlError} USAGE */
export async function listRun(
  options: ArtifactsOptions & {
    limit: string;
    cursor?: string | undefined;
    job?: string | undefined;
    agent?: string | undefined;
    name?: string | undefined;
  },
): Promise<number> {
  const limit = /^\d{1,3}$/.test(options.limit) ? Number(options.limit) : 0;
  if (limit < 1 || limit > limitMax) {
    throw usage(`Flag --limit is "${options.limit}": expected a number from 1 to ${limitMax}`);
  }
  const cursor = options.cursor === undefined ? {} : { cursor: options.cursor };
  const client = await createClient(options);
  const { job, agent, name } = options;
  const filters = {
    ...(job === undefined ? {} : { job: (await client.job(job)).job_id }),
    ...(agent === undefined ? {} : { agent: parseAgentId("agent", agent) }),
    ...(name === undefined ? {} : { name }),
  };
  const page = await client.artifacts({ limit, ...cursor, ...filters });
  const headings = ["ARTIFACT", "NAME", "SIZE", "KIND", "STATE", "AGENT", "CREATED", "EXPIRES"];
  if (options.json) page.items.forEach(printJson);
  else if (page.items.length === 0) remark("No artifacts.");
  else print(table(headings, page.items.map(row)));
  if (page.next_cursor !== undefined) {
    remark(`More results: wsctl artifacts list --cursor ${page.next_cursor}`);
  }
  return exitOk;
}

/** Downloads an artifact and prints its path when it is complete and on disk. */
async function getRun(
  options: ArtifactsOptions & { id: string; output?: string | undefined },
): Promise<number> {
  const controlPlane = await findControlPlane(options);
  const client = new Client(controlPlane);
  const artifact = await client.artifact(options.id);
  const path = buildOutputPath(artifact, options.output);
  const signal = waitForSignal(() => process.exit(exitFailed));
  const progress = terminalProgress();
  const { name } = artifact;
  try {
    await fetchArtifact({ client, controlPlane, artifact, path, name, progress, signal });
  } catch (error) {
    if (!signal.aborted) throw error;
    remark(`"${path}.part" is kept; repeat the command to resume`);
    return exitInterrupted;
  }
  if (options.json) {
    const { artifact_id, bytes, sha256 } = artifact;
    printJson({ artifact_id, path, bytes, sha256 });
  } else print(path);
  return exitOk;
}

export async function deleteRun(options: ArtifactsOptions & { id: string }): Promise<number> {
  const { artifact_id } = await (await createClient(options)).deleteArtifact(options.id);
  if (options.json) printJson({ artifact_id, deleted: true });
  else print(`deleted ${artifact_id}`);
  return exitOk;
}

/**
 * A named file is overwritten. The name of an artifact comes from its creator, so it must stay
 * within the directory, replace no file, and create no hidden file.
 * @throws {WsctlError} CONFLICT
 */
export function buildOutputPath(
  { name }: Pick<ArtifactView, "name">,
  output: string | undefined,
): string {
  const isDirectory =
    output === undefined ||
    output.endsWith("/") ||
    statSync(output, { throwIfNoEntry: false })?.isDirectory() === true;
  if (!isDirectory) return output;
  if (!v.safeParse(ArtifactName, name).success) {
    throw new WsctlError(
      "CONFLICT",
      "Cannot use the artifact's name as a file name: specify --output FILE",
    );
  }
  if (name.startsWith(".")) {
    throw new WsctlError(
      "CONFLICT",
      `The artifact's name "${name}" is that of a hidden file, which a shell might read: specify --output FILE`,
    );
  }
  const path = join(output ?? ".", name);
  if (!existsSync(path)) return path;
  throw new WsctlError(
    "CONFLICT",
    `Cannot write "${path}": the file exists. Specify --output FILE`,
  );
}

function row(artifact: ArtifactView): string[] {
  return [
    artifact.artifact_id,
    artifact.name,
    formatBytes(artifact.bytes),
    artifact.kind,
    artifact.state,
    artifact.agent_id ?? "-",
    artifact.created_at,
    artifact.expires_at ?? "-",
  ];
}
