/**
 * Follows a job until its last outcome: live output, outcomes, files and the exit status. A job
 * that was just created and one from earlier are followed alike.
 */
import type { Client, SendOptions } from "../../lib/client/client.ts";
import type { AcceptedLine, StreamLine } from "../../lib/protocol/api/views.ts";
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
  type OutcomePrinter,
  type OutputFlags,
} from "../output/outcomePrinter.ts";
import type { OutputDirectory } from "../output/outputDirectory.ts";
import { remark, requireStdout } from "../output/stdio.ts";
import { terminalProgress } from "../output/transferProgress.ts";
import type { PulledFiles } from "../transfer/pulledFiles.ts";
import type { Interrupt } from "./interrupt.ts";
import { OfflineWait } from "./offlineWait.ts";

/** Flags of commands that follow a job. */
export const followArgs = {
  "stream-output": {
    type: "boolean",
    default: true,
    description: "show the output of programs while they run",
    negativeDescription: "do not show the output of programs while they run",
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
  /** The directory for the files that agents offer to `pull`. */
  pullTo?: string | undefined;
}

export interface FollowedJob {
  accepted: Pick<AcceptedLine, "job"> & Partial<AcceptedLine>;
  lines: AsyncIterable<StreamLine>;
}

export interface FollowerOptions {
  flags: FollowFlags;
  controlPlane: ControlPlane;
  client: Client;
  /** The command and the parameters of the job. */
  job: { command: string; parameters?: JsonObject | undefined };
  /** Handles Ctrl-C; it is given the function that cancels the job. */
  interrupt(cancel: () => Promise<void>): Interrupt;
  /** Whether to stop waiting when only offline agents are left. */
  isOfflineWaitBounded?: boolean;
}

/**
 * Shows one job. It must be open before the job is created, so that every outcome can be printed.
 */
export class JobFollower {
  readonly #flags: FollowFlags;
  readonly #interrupt: Interrupt;
  readonly #printer: OutcomePrinter;
  readonly #directory: OutputDirectory | undefined;
  readonly #pulled: PulledFiles | undefined;
  readonly #sink: OutputDirectory | LiveOutputPrinter | undefined;
  readonly #accepted: (jobId: string) => void;
  readonly #offlineWait: OfflineWait | undefined;
  readonly #progress = terminalJobProgress();

  private constructor(
    flags: FollowFlags,
    parts: {
      interrupt: Interrupt;
      printer: OutcomePrinter;
      directory: OutputDirectory | undefined;
      pulled: PulledFiles | undefined;
      accepted: (jobId: string) => void;
      offlineWait: OfflineWait | undefined;
    },
  ) {
    this.#flags = flags;
    this.#interrupt = parts.interrupt;
    this.#printer = parts.printer;
    this.#directory = parts.directory;
    this.#pulled = parts.pulled;
    this.#accepted = parts.accepted;
    this.#offlineWait = parts.offlineWait;
    const isLive = flags["stream-output"] && isPlain(flags);
    this.#sink = parts.directory ?? (isLive ? new LiveOutputPrinter(this.#progress) : undefined);
  }

  /** @throws {WsctlError} USAGE if the output cannot be written. */
  static async open(options: FollowerOptions): Promise<JobFollower> {
    const { flags, client } = options;
    requireStdout();
    const printer = await createOutcomePrinter(flags);
    // Ctrl-C can come before the response that has the ID of the job.
    const { promise: jobId, resolve: accepted } = Promise.withResolvers<string>();
    const interrupt = options.interrupt(async () => {
      await client.cancelJob(await jobId);
    });
    const directory = await openOutputDirectory(options, interrupt.isDetached);
    const pulled = await openPulledFiles(options, interrupt.isDetached);
    const offlineWait = options.isOfflineWaitBounded ? new OfflineWait(client) : undefined;
    return new JobFollower(flags, {
      ...{ interrupt, printer, directory, pulled, accepted, offlineWait },
    });
  }

  /** The options with which the stream of the job must be requested. */
  get streamOptions(): SendOptions {
    const { isDetached } = this.#interrupt;
    const left = this.#offlineWait?.signal;
    const signal = left === undefined ? isDetached : AbortSignal.any([isDetached, left]);
    return { signal, withOutput: this.#sink !== undefined };
  }

  /** Prints until the last outcome and returns the exit status. */
  async follow(job: FollowedJob): Promise<number> {
    const { job_id: jobId } = job.accepted.job;
    this.#accepted(jobId);
    const { requests } = job.accepted;
    if (requests !== undefined) this.#offlineWait?.begin({ ...job.accepted, requests });
    try {
      return await showJob(job, {
        ...{ printer: this.#printer, isForProgram: isForProgram(this.#flags) },
        ...{ sink: this.#sink, files: this.#directory ?? this.#pulled, progress: this.#progress },
        offlineWait: this.#offlineWait,
      });
    } catch (error) {
      remark(`The job continues; follow it with: wsctl jobs watch ${jobId}`);
      remark(`Cancel it with: wsctl jobs cancel ${jobId}`);
      return this.exitOf(error);
    }
  }

  /** Returns the exit status after Ctrl-C, and rethrows any other error. */
  exitOf(error: unknown): number {
    if (this.#interrupt.isDetached.aborted) return exitInterrupted;
    throw error;
  }
}

async function openPulledFiles(
  { flags, controlPlane, client }: FollowerOptions,
  signal: AbortSignal,
): Promise<PulledFiles | undefined> {
  if (flags.pullTo === undefined) return undefined;
  const { PulledFiles } = await import("../transfer/pulledFiles.ts");
  const { fetchArtifact } = await import("../transfer/fetchArtifact.ts");
  const progress = terminalProgress();
  return new PulledFiles(flags.pullTo, async (artifactId, path, name) => {
    const artifact = await client.artifact(artifactId);
    await fetchArtifact({ client, controlPlane, artifact, path, name, progress, signal });
  });
}

async function openOutputDirectory(
  { flags, controlPlane, client, job }: FollowerOptions,
  signal: AbortSignal,
): Promise<OutputDirectory | undefined> {
  if (flags.output === undefined) return undefined;
  const { OutputDirectory } = await import("../output/outputDirectory.ts");
  const { fetchArtifact } = await import("../transfer/fetchArtifact.ts");
  const progress = terminalProgress();
  // The file of a log has the same name for any number of lines.
  const source = job.command === "fetch_logs" ? job.parameters?.source : undefined;
  return new OutputDirectory({
    dir: flags.output,
    resultName: typeof source === "string" ? `${source}.log` : undefined,
    fetch: async (artifactId, path, name) => {
      const artifact = await client.artifact(artifactId);
      await fetchArtifact({ client, controlPlane, artifact, path, name, progress, signal });
    },
  });
}
