/** From an order to its answers: what `send` and `jobs create` have in common. */
import { Client } from "../../lib/client/client.ts";
import type { JobRequestInput } from "../../lib/protocol/api/jobs.ts";
import type { TargetQuery } from "../../lib/protocol/api/target.ts";
import type { AcceptedLine } from "../../lib/protocol/api/views.ts";
import type { ControlPlane } from "../../lib/transfer/apiCall.ts";
import type { ClientFlags } from "../cli/commonFlags.ts";
import { exitOk } from "../cli/exit.ts";
import { type ConfirmFlags, confirmedMax, confirmLargeTarget } from "../flags/target.ts";
import { formatDuration } from "../flags/values.ts";
import { isForProgram } from "../output/outcomePrinter.ts";
import { print, printJson, remark, requireStdout } from "../output/stdio.ts";
import { type FollowFlags, followJob } from "./followJob.ts";
import { newInterrupt } from "./interrupt.ts";

export const waitArg = {
  type: "boolean",
  default: true,
  description: "wait for the outcomes",
  negativeDescription: "print the job and do not wait for its answers",
} as const;

export interface SubmitFlags extends ClientFlags, FollowFlags, ConfirmFlags {
  wait: boolean;
}

/** Whom an order means, as a question. */
export function toTargetQuery({ target, require_online }: JobRequestInput): TargetQuery {
  return { target, require_online: require_online ?? false };
}

/** Prints every outcome as it comes; the outcomes decide the exit status. */
export async function submitJob(
  order: JobRequestInput,
  controlPlane: ControlPlane,
  flags: SubmitFlags,
): Promise<number> {
  const client = new Client(controlPlane);
  const agreed = <T>(run: (order: JobRequestInput) => Promise<T>) => {
    const asFor = (most: number | undefined) =>
      run(most === undefined ? order : { ...order, max_agents: most });
    return confirmLargeTarget(confirmedMax(flags), order.command, asFor, () =>
      client.targets(toTargetQuery(order)),
    );
  };
  if (!flags.wait) {
    requireStdout();
    const accepted = await agreed((asked) => client.sendOnly(asked));
    if (flags.json) printJson({ job_id: accepted.job.job_id, requests: accepted.requests });
    else print(accepted.job.job_id);
    return exitOk;
  }
  return followJob({
    flags,
    controlPlane,
    client,
    asked: order,
    interrupt: newInterrupt,
    begin: async (how) => {
      const sent = await agreed((asked) => client.send(asked, how));
      if (!isForProgram(flags)) remarkOnWaiting(sent.accepted);
      return sent;
    },
  });
}

function remarkOnWaiting(accepted: AcceptedLine): void {
  if (accepted.job.approval?.status === "pending") {
    const id = accepted.job.job_id;
    remark(`Nothing is sent before another operator approves: wsctl jobs approve ${id}`);
  }
  const away = accepted.requests.filter((request) => !request.online);
  if (away.length === 0) return;
  const names = away.slice(0, 5).map((request) => request.agent);
  const more = away.length > names.length ? ` and ${away.length - names.length} more` : "";
  const ttl = formatDuration(accepted.job.ttl_seconds);
  remark(`Waiting up to ${ttl} for agents that are away: ${names.join(", ")}${more}`);
  remark(
    `Ctrl-C leaves the job waiting, twice withdraws it; follow it with: wsctl jobs watch ${accepted.job.job_id}`,
  );
}
