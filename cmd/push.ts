import { tmpdir } from "node:os";
import { type ArgsDef, defineCommand } from "citty";
import type { JsonObject } from "../lib/protocol/json.ts";
import { withTemporaryDir } from "./backup/temporaryDir.ts";
import { clientArgs } from "./cli/commonFlags.ts";
import { type CommandData, usage } from "./cli/strictArgs.ts";
import { findControlPlane } from "./flags/controlPlane.ts";
import { buildJobRequest, type RunFlags, runArgs } from "./flags/job.ts";
import { confirmArgs, targetArgs } from "./flags/target.ts";
import { type SendOptions, sendFlags, sendJob } from "./jobs/sendJob.ts";
import { type Packed, packSources } from "./transfer/packSources.ts";
import { uploadSource } from "./transfer/uploadSource.ts";

const pushArgs = {
  files: {
    type: "positional",
    required: true,
    valueHint: "FILE…",
    description: "files and directories to push",
  },
  ...clientArgs,
  ...targetArgs,
  to: {
    type: "string",
    required: true,
    valueHint: "PATH",
    description: "absolute path on the hosts; with a slash at the end, the directory to push into",
  },
  mode: {
    type: "string",
    valueHint: "MODE",
    description: "octal mode, such as 0640; default: that of the existing file, or of the source",
  },
  owner: {
    type: "string",
    valueHint: "USER[:GROUP]",
    description: "owner; default: that of the existing file, or the user of the agent",
  },
  backup: {
    type: "boolean",
    description: "keep a changed file beside the new one, as FILE.TIME.bak",
  },
  check: { type: "boolean", description: "show what would change, and change nothing" },
  ...runArgs,
  ...confirmArgs,
  ...sendFlags,
} as const satisfies ArgsDef;

export default defineCommand({
  meta: {
    name: "push",
    description: "Write local files on agents that allow the path",
    examples: [
      "wsctl push nginx.conf --to /etc/nginx/nginx.conf --target @web --check",
      "wsctl push nginx.conf --to /etc/nginx/nginx.conf --target @web --backup --canary 1",
      "wsctl push conf.d --to /etc/nginx/conf.d --agent web-1 --mode 0644 --owner root:root",
      "wsctl push a.conf b.conf --to /srv/app/ --all",
    ],
  },
  args: pushArgs,
  run: ({ args, data }) => {
    const { files = [], sign = [] } = (data as CommandData).lists;
    return pushRun(files, { ...args, sign });
  },
});

interface PushFlags extends RunFlags, SendOptions {
  to: string;
  mode?: string | undefined;
  owner?: string | undefined;
  backup?: boolean | undefined;
  check?: boolean | undefined;
}

/** Uploads once; the agents fetch it. */
async function pushRun(files: readonly string[], flags: PushFlags): Promise<number> {
  if (flags.mode !== undefined && !/^0?[0-7]{3,4}$/.test(flags.mode)) {
    throw usage(`Flag --mode is "${flags.mode}": expected an octal mode such as 0644`);
  }
  const job = (parameters: JsonObject) => buildJobRequest("push_files", flags, () => parameters);
  // Flags that are wrong are reported before the upload.
  job({});
  const parameters = await withTemporaryDir(tmpdir(), "wsctl-push-", async (dir) => {
    const packed = await packSources(files, flags.to, dir);
    return flags["dry-run"] ? {} : await upload(packed, flags);
  });
  return sendJob(job(parameters), flags);
}

async function upload(packed: Packed, flags: PushFlags): Promise<JsonObject> {
  const { path, name, archive, mode, destination } = packed;
  return {
    ...(await uploadSource(await findControlPlane(flags), path, name)),
    path: destination,
    ...(archive ? { archive } : { source_mode: mode.toString(8).padStart(4, "0") }),
    ...(flags.mode === undefined ? {} : { mode: flags.mode }),
    ...(flags.owner === undefined ? {} : { owner: flags.owner }),
    ...(flags.backup ? { backup: true } : {}),
    ...(flags.check ? { check: true } : {}),
  };
}
