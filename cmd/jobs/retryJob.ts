/** `wsctl jobs retry`: a job once more, for some of its agents, followed as `send` does. */
import { defineCommand } from "citty";
import { Client, type SendOptions } from "../../lib/client/client.ts";
import { isRetried, type RetryRequest } from "../../lib/protocol/api/jobs.ts";
import { type ClientFlags, clientArgs } from "../cli/commonFlags.ts";
import { usage } from "../cli/strictArgs.ts";
import { findControlPlane } from "../flags/connection.ts";
import {
  type ConfirmFlags,
  confirmArgs,
  confirmedMax,
  confirmLargeTarget,
} from "../flags/target.ts";
import { isForProgram } from "../output/outcomePrinter.ts";
import { remark } from "../output/stdio.ts";
import { type FollowFlags, followArgs, followJob } from "./followJob.ts";
import { newInterrupt } from "./interrupt.ts";

const retryArgs = {
  id: { type: "positional", required: true, valueHint: "JOB", description: "job ID" },
  ...clientArgs,
  failed: { type: "boolean", description: "agents whose command ran and did not succeed" },
  "not-started": { type: "boolean", description: "agents whose command certainly never started" },
  lost: { type: "boolean", description: "agents whose outcome is lost" },
  all: { type: "boolean", description: "all agents of the job" },
  ...confirmArgs,
  ...followArgs,
} as const;

interface RetryOptions extends ClientFlags, FollowFlags, ConfirmFlags {
  id: string;
  failed?: boolean | undefined;
  "not-started"?: boolean | undefined;
  lost?: boolean | undefined;
  all?: boolean | undefined;
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

/** The exit status is that of `send`. */
async function retryRun(options: RetryOptions): Promise<number> {
  const which = parseRetryFilter(options);
  const controlPlane = await findControlPlane(options);
  const client = new Client(controlPlane);
  const before = await client.job(options.id);
  const begin = async (how: SendOptions) => {
    const asked = (most: number | undefined) => {
      const order: RetryRequest = { which, ...(most === undefined ? {} : { max_agents: most }) };
      return client.retryJob(before.job_id, order, how);
    };
    const chosen = before.requests.filter((each) => which.some((kind) => isRetried(kind, each)));
    const agents = chosen.map(({ agent: agent_id }) => ({ agent_id, online: true }));
    const look = async () => ({ agents, drained: [], offline: [] });
    const sent = await confirmLargeTarget(confirmedMax(options), before.command, asked, look);
    if (!isForProgram(options)) {
      const { job_id: id, total } = sent.accepted.job;
      remark(`Job ${id} asks ${total} of ${before.total} agents again`);
    }
    return sent;
  };
  return followJob({
    flags: options,
    controlPlane,
    client,
    asked: before,
    interrupt: newInterrupt,
    begin,
  });
}

function parseRetryFilter(options: RetryOptions): RetryRequest["which"] {
  const { failed, lost, all } = options;
  if (all && (failed || lost || options["not-started"])) {
    throw usage("Flag --all means every request: drop the others, or drop it");
  }
  if (all) return ["all"];
  const which: RetryRequest["which"] = [
    ...(failed ? (["failed"] as const) : []),
    ...(options["not-started"] ? (["not_started"] as const) : []),
    ...(lost ? (["lost"] as const) : []),
  ];
  if (which.length > 0) return which;
  throw usage("Which of its requests? Give --failed, --not-started, --lost or --all");
}
