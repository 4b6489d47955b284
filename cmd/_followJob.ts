/**
 * Follows a job to its last outcome, one that was just asked for or one that was asked for before:
 * live output, outcomes, files and the exit status are the same for both.
 */
import type { Client, SendOptions } from "../lib/client/client.ts";
import type { JobView, StreamLine } from "../lib/protocol/api.ts";
import { exitInterrupted } from "./_exit.ts";
import type { Interrupt } from "./_interrupt.ts";
import { LiveLines } from "./_live.ts";
import { remark, requireStdout } from "./_output.ts";
import { OutputDir } from "./_outputDir.ts";
import { showJob } from "./_showJob.ts";

/** Flags of commands that follow a job. */
export const followArgs = {
  live: {
    type: "boolean",
    default: true,
    description: "show what programs write while they run",
    negativeDescription: "do not show what programs write while they run",
  },
  output: {
    type: "string",
    valueHint: "DIR",
    description: "write what each agent's program writes, and large results, into files there",
  },
} as const;

export interface FollowFlags {
  live: boolean;
  output?: string | undefined;
  json?: boolean | undefined;
}

export interface Followed {
  accepted: { job: JobView };
  lines: AsyncIterable<StreamLine>;
}

export interface FollowJobOptions {
  flags: FollowFlags;
  client: Client;
  /** Asks for the job, or for its stream. */
  begin(options: SendOptions): Promise<Followed>;
  /** Ctrl-C; it is handed what withdraws the job. */
  interrupt(withdraw: () => Promise<void>): Interrupt;
}

/** Answers with the exit status; whoever leaves is told how to come back. */
export async function followJob(options: FollowJobOptions): Promise<number> {
  const { flags, client } = options;
  // Before anything is sent: an outcome that cannot be told would be lost.
  requireStdout();
  let jobId: string | undefined;
  const interrupt = options.interrupt(async () => {
    if (jobId !== undefined) await client.cancelJob(jobId);
  });
  try {
    const dir = flags.output === undefined ? undefined : new OutputDir(flags.output);
    const sink = dir ?? (flags.live && !flags.json ? new LiveLines() : undefined);
    const withOutput = sink !== undefined;
    const followed = await options.begin({ signal: interrupt.left, withOutput });
    jobId = followed.accepted.job.job_id;
    return await showJob(followed, { json: flags.json ?? false, sink, dir });
  } catch (error) {
    if (jobId !== undefined) {
      remark(`The job goes on; follow it with: wsctl jobs watch ${jobId}`);
      remark(`Withdraw it with: wsctl jobs cancel ${jobId}`);
    }
    if (interrupt.left.aborted) return exitInterrupted;
    throw error;
  }
}
