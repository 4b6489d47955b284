/**
 * Follows a job to its last outcome, one that was just asked for or one that was asked for before:
 * live output, outcomes, files and the exit status are the same for both.
 */
import type { Client, SendOptions } from "../../lib/client/client.ts";
import type { JobView, StreamLine } from "../../lib/protocol/api/views.ts";
import type { JsonObject } from "../../lib/protocol/json.ts";
import type { ControlPlane } from "../../lib/transfer/apiCall.ts";
import { exitInterrupted } from "../cli/exit.ts";
import { formatArgs } from "../output/format.ts";
import { terminalJobProgress } from "../output/jobProgress.ts";
import { showJob } from "../output/jobStream.ts";
import { LiveOutputPrinter } from "../output/liveLines.ts";
import {
  createOutcomePrinter,
  isForProgram,
  isPlain,
  type OutputFlags,
} from "../output/outcomePrinter.ts";
import type { OutputDirectory } from "../output/outputDirectory.ts";
import { remark, requireStdout } from "../output/stdio.ts";
import { terminalProgress } from "../output/transferProgress.ts";
import type { Interrupt } from "./interrupt.ts";

/** Flags of commands that follow a job. */
export const followArgs = {
  "stream-output": {
    type: "boolean",
    default: true,
    description: "show the output of programs while they run",
    negativeDescription: "do not show what programs write while they run",
  },
  output: {
    type: "string",
    valueHint: "DIR",
    description: "directory for the output of each agent and for large results",
  },
  "group-by-output": {
    type: "boolean",
    description: "group agents with identical output",
  },
  ...formatArgs,
} as const;

export interface FollowFlags extends OutputFlags {
  "stream-output": boolean;
  output?: string | undefined;
}

export interface FollowedJob {
  accepted: { job: JobView };
  lines: AsyncIterable<StreamLine>;
}

export interface FollowJobOptions {
  flags: FollowFlags;
  controlPlane: ControlPlane;
  client: Client;
  /** What the job is, or is going to be. */
  asked: { command: string; parameters?: JsonObject | undefined };
  /** Asks for the job, or for its stream. */
  begin(options: SendOptions): Promise<FollowedJob>;
  /** Ctrl-C; it is handed what withdraws the job. */
  interrupt(withdraw: () => Promise<void>): Interrupt;
}

/** Answers with the exit status; whoever leaves is told how to come back. */
export async function followJob(options: FollowJobOptions): Promise<number> {
  const { flags, client } = options;
  // Before anything is sent: an outcome that cannot be told would be lost.
  requireStdout();
  const answers = await createOutcomePrinter(flags);
  let jobId: string | undefined;
  const interrupt = options.interrupt(async () => {
    if (jobId !== undefined) await client.cancelJob(jobId);
  });
  try {
    const dir = await openOutputDirectory(options, interrupt.isDetached);
    const sink =
      dir ?? (flags["stream-output"] && isPlain(flags) ? new LiveOutputPrinter() : undefined);
    const withOutput = sink !== undefined;
    const followed = await options.begin({ signal: interrupt.isDetached, withOutput });
    jobId = followed.accepted.job.job_id;
    return await showJob(followed, {
      ...{ printer: answers, isForProgram: isForProgram(flags), sink, dir },
      progress: terminalJobProgress(),
    });
  } catch (error) {
    if (jobId !== undefined) {
      remark(`The job goes on; follow it with: wsctl jobs watch ${jobId}`);
      remark(`Withdraw it with: wsctl jobs cancel ${jobId}`);
    }
    if (interrupt.isDetached.aborted) return exitInterrupted;
    throw error;
  }
}

async function openOutputDirectory(
  options: FollowJobOptions,
  signal: AbortSignal,
): Promise<OutputDirectory | undefined> {
  const { flags, controlPlane, client, asked } = options;
  if (flags.output === undefined) return undefined;
  const { OutputDirectory } = await import("../output/outputDirectory.ts");
  const { fetchArtifact } = await import("./fetchArtifact.ts");
  const progress = terminalProgress();
  // What the lines of a log are called does not depend on how many of them there are.
  const source = asked.command === "fetch_logs" ? asked.parameters?.source : undefined;
  return new OutputDirectory({
    dir: flags.output,
    resultName: typeof source === "string" ? `${source}.log` : undefined,
    fetch: async (artifactId, path, name) => {
      const artifact = await client.artifact(artifactId);
      await fetchArtifact({ client, controlPlane, artifact, path, name, progress, signal });
    },
  });
}
