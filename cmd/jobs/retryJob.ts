/** `wsctl jobs retry`: runs a job again for some of its agents, and follows it as `send` does. */
import { defineCommand } from "citty";
import { Client } from "../../lib/client/client.ts";
import { isRetried, type RetryRequest } from "../../lib/protocol/api/jobs.ts";
import type { JobDetail } from "../../lib/protocol/api/views.ts";
import { type ClientFlags, clientArgs } from "../cli/commonFlags.ts";
import { usage } from "../cli/strictArgs.ts";
import { findControlPlane } from "../flags/controlPlane.ts";
import {
  type ConfirmFlags,
  confirmArgs,
  confirmedMax,
  confirmLargeTarget,
  isTooManyAgents,
  remarkOnLeftOut,
} from "../flags/target.ts";
import { isForProgram } from "../output/outcomePrinter.ts";
import { quantity } from "../output/quantity.ts";
import { remark } from "../output/stdio.ts";
import { type FollowFlags, followArgs, JobFollower } from "./followJob.ts";
import { newInterrupt } from "./interrupt.ts";

const retryArgs = {
  id: {
    type: "positional",
    required: true,
    valueHint: "JOB",
    description: "job ID, or its beginning of at least 4 characters",
  },
  ...clientArgs,
  failed: { type: "boolean", description: "agents whose command ran and did not succeed" },
  "not-started": { type: "boolean", description: "agents whose command did not start" },
  lost: { type: "boolean", description: "agents whose outcome is lost" },
  all: { type: "boolean", description: "all agents of the job" },
  reason: {
    type: "string",
    valueHint: "TEXT",
    description: "why; default: the reason of the retried job",
  },
  ...confirmArgs,
  ...followArgs,
} as const;

interface RetryOptions extends ClientFlags, FollowFlags, ConfirmFlags {
  id: string;
  failed?: boolean | undefined;
  "not-started"?: boolean | undefined;
  lost?: boolean | undefined;
  all?: boolean | undefined;
  reason?: string | undefined;
}

export const retry = defineCommand({
  meta: {
    name: "retry",
    description: "Retry failed requests as a new job",
    examples: ["wsctl jobs retry JOB --failed --not-started"],
  },
  args: retryArgs,
  run: ({ args }) => retryRun(args),
});

/** Returns the exit status that `send` would return. */
async function retryRun(options: RetryOptions): Promise<number> {
  const which = parseRetryFilter(options);
  const controlPlane = await findControlPlane(options);
  const client = new Client(controlPlane);
  const before = await client.job(options.id);
  const follower = await JobFollower.open({
    ...{ flags: options, controlPlane, client, job: before },
    interrupt: newInterrupt,
    isOfflineWaitBounded: true,
  });
  const retryFor = (max: number | undefined) => {
    const request: RetryRequest = {
      which,
      ...(max === undefined ? {} : { max_agents: max }),
      ...(options.reason === undefined ? {} : { reason: options.reason }),
    };
    return client.retryJob(before.job_id, request, follower.streamOptions);
  };
  let job: Awaited<ReturnType<typeof retryFor>>;
  try {
    job = await retryConfirmed(retryFor, confirmedMax(options), before, which);
  } catch (error) {
    return follower.exitOf(error);
  }
  if (!isForProgram(options)) {
    const { job_id: id, total } = job.accepted.job;
    remark(`Job ${id} retries ${total} of ${quantity(before.total, "agent")}`);
  }
  remarkOnLeftOut(job.accepted.skipped);
  return follower.follow(job);
}

/** Retries for as many agents as `max` allows, or once more for as many as confirmed. */
async function retryConfirmed<T>(
  retryFor: (max: number | undefined) => Promise<T>,
  max: number | undefined,
  before: JobDetail,
  which: RetryRequest["which"],
): Promise<T> {
  try {
    return await retryFor(max);
  } catch (error) {
    if (!isTooManyAgents(error)) throw error;
    const chosen = before.requests.filter((each) => which.some((kind) => isRetried(kind, each)));
    const agents = chosen.map(({ agent: agent_id }) => ({ agent_id, online: true }));
    return retryFor(await confirmLargeTarget(error, before.command, async () => ({ agents })));
  }
}

function parseRetryFilter(options: RetryOptions): RetryRequest["which"] {
  const { failed, lost, all } = options;
  if (all && (failed || lost || options["not-started"])) {
    throw usage("--all cannot be combined with --failed, --not-started or --lost");
  }
  if (all) return ["all"];
  const which: RetryRequest["which"] = [
    ...(failed ? (["failed"] as const) : []),
    ...(options["not-started"] ? (["not_started"] as const) : []),
    ...(lost ? (["lost"] as const) : []),
  ];
  if (which.length > 0) return which;
  throw usage("Specify --failed, --not-started, --lost or --all");
}
