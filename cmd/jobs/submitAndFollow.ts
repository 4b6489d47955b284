/** Submits a job and follows it, for `send` and `jobs create`. */
import { Client, type SendOptions, type SubmittedJob } from "../../lib/client/client.ts";
import type { JobRequestInput } from "../../lib/protocol/api/jobs.ts";
import type { TargetQuery } from "../../lib/protocol/api/target.ts";
import type { AcceptedLine } from "../../lib/protocol/api/views.ts";
import type { ControlPlane } from "../../lib/transfer/apiCall.ts";
import type { ClientFlags } from "../cli/commonFlags.ts";
import { exitOk } from "../cli/exit.ts";
import {
  type ConfirmFlags,
  confirmedMax,
  confirmLargeTarget,
  isTooManyAgents,
  remarkOnLeftOut,
} from "../flags/target.ts";
import { formatDuration } from "../flags/values.ts";
import { isForProgram } from "../output/outcomePrinter.ts";
import { print, printJson, remark, requireStdout } from "../output/stdio.ts";
import { type FollowedJob, type FollowFlags, JobFollower } from "./followJob.ts";
import { newInterrupt } from "./interrupt.ts";
import { offlineWaitMs } from "./offlineWait.ts";

export const waitArg = {
  type: "boolean",
  default: true,
  description: "wait for the outcomes",
  negativeDescription: "print the job and do not wait for its outcomes",
} as const;

export interface SubmitFlags extends ClientFlags, FollowFlags, ConfirmFlags {
  wait: boolean;
  /** Without it, the command stops waiting when only offline agents are left. */
  ttl?: string | undefined;
}

/** Returns the query for the agents that a job would select. */
export function toTargetQuery({ target, require_online }: JobRequestInput): TargetQuery {
  return { target, require_online: require_online ?? false };
}

/** How a job is created. */
export interface JobCreation {
  send(request: JobRequestInput, options: SendOptions): Promise<SubmittedJob>;
  sendOnly(request: JobRequestInput): Promise<AcceptedLine>;
}

/**
 * Prints every outcome when it arrives. The outcomes determine the exit status.
 * @param create By default the job is created as it is.
 */
export async function submitAndFollow(
  request: JobRequestInput,
  controlPlane: ControlPlane,
  flags: SubmitFlags,
  create?: JobCreation,
): Promise<number> {
  const client = new Client(controlPlane);
  const creation = create ?? client;
  if (!flags.wait) {
    requireStdout();
    const accepted = await submitConfirmed(request, flags, client, (confirmed) =>
      creation.sendOnly(confirmed),
    );
    return printAccepted(accepted, flags);
  }
  const follower = await JobFollower.open({
    ...{ flags, controlPlane, client, job: request },
    interrupt: newInterrupt,
    isOfflineWaitBounded: flags.ttl === undefined,
  });
  let job: FollowedJob & { accepted: AcceptedLine };
  try {
    job = await submitConfirmed(request, flags, client, (confirmed) =>
      creation.send(confirmed, follower.streamOptions),
    );
  } catch (error) {
    return follower.exitOf(error);
  }
  remarkOnLeftOut(job.accepted.skipped);
  if (!isForProgram(flags)) {
    remark(`Job ${job.accepted.job.job_id}`);
    remarkOnWaiting(job.accepted, flags.ttl === undefined);
  }
  return follower.follow(job);
}

/**
 * Submits for as many agents as `--confirm-above` allows, or once more for as many as confirmed.
 */
async function submitConfirmed<T>(
  request: JobRequestInput,
  flags: ConfirmFlags,
  client: Client,
  submit: (request: JobRequestInput) => Promise<T>,
): Promise<T> {
  const max = confirmedMax(flags);
  try {
    return await submit(max === undefined ? request : { ...request, max_agents: max });
  } catch (error) {
    if (!isTooManyAgents(error)) throw error;
    const look = () => client.targets(toTargetQuery(request));
    return submit({
      ...request,
      max_agents: await confirmLargeTarget(error, request.command, look),
    });
  }
}

function printAccepted({ job, requests, skipped }: AcceptedLine, flags: SubmitFlags): number {
  remarkOnLeftOut(skipped);
  if (flags.json) printJson({ job_id: job.job_id, requests });
  else print(job.job_id);
  return exitOk;
}

function remarkOnWaiting({ job, requests }: AcceptedLine, isBounded: boolean): void {
  const { job_id: id } = job;
  if (job.approval?.status === "pending") {
    remark(`The job waits for the approval of another operator: wsctl jobs approve ${id}`);
  }
  const offline = requests.filter((request) => !request.online);
  if (offline.length === 0) return;
  const names = offline.slice(0, 5).map((request) => request.agent);
  const more = offline.length > names.length ? ` and ${offline.length - names.length} more` : "";
  const wait = formatDuration(isBounded ? offlineWaitMs / 1000 : job.ttl_seconds);
  remark(`Waiting up to ${wait} for offline agents: ${names.join(", ")}${more}`);
  remark(
    `Ctrl-C detaches and leaves the job queued; Ctrl-C twice cancels it. Follow it with: wsctl jobs watch ${id}`,
  );
}
