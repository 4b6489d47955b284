/** Tools that act. Approving a job is not among them: a person approves, out of the model's reach. */
import * as v from "valibot";
import type { SubmittedJob } from "../client/jobStream.ts";
import { isOutput } from "../client/streamCursor.ts";
import { JobRequest } from "../protocol/api/jobs.ts";
import { Target } from "../protocol/api/target.ts";
import type { OutcomeLine } from "../protocol/api/views.ts";
import { WsctlError } from "../protocol/errors.ts";
import { CommandName, Reason, ResourceName } from "../protocol/names.ts";
import { type Tool, tool, withoutAbsent } from "./tool.ts";

const waitSecondsMax = 600;

const { rollout, timeout_seconds } = JobRequest.entries;

/** The control plane checks them by the schema of the command. */
const parameters = v.optional(v.record(v.string(), v.unknown()), {});

/** How long to wait for outcomes. The job continues afterwards. */
const wait_seconds = v.optional(v.pipe(v.number(), v.minValue(1), v.maxValue(waitSecondsMax)), 60);

export const actTools: readonly Tool[] = [
  tool({
    name: "run_command",
    title: "Run a command",
    description:
      "Run a command on agents and wait for the outcomes. Plan it first with plan_command. `reason` is kept in the audit trail. A job that needs approval is answered as pending_approval: a person decides, do not send it again.",
    kind: "act",
    parameters: v.strictObject({
      command: CommandName,
      parameters,
      target: Target,
      reason: Reason,
      rollout,
      timeout_seconds,
      wait_seconds,
    }),
    async run({ wait_seconds: seconds, ...request }, { client, agentsMax, signal }) {
      const { agents } = await client.targets({ target: request.target, require_online: false });
      if (agents.length > agentsMax) {
        const text = `Cannot run "${request.command}": ${agents.length} agents are selected, ${agentsMax} are allowed`;
        throw new WsctlError("TOO_MANY_AGENTS", `${text}. Select fewer`);
      }
      const limit = AbortSignal.any([signal, AbortSignal.timeout(seconds * 1000)]);
      // The control plane compares again, because agents may have joined in the meantime.
      const limited = { ...withoutAbsent(request), max_agents: agentsMax };
      return followed(await client.send(limited, { signal: limit }), limit);
    },
  }),
  tool({
    name: "run_template",
    title: "Run a template",
    description:
      "Run a job that people saved under a name (list_templates), and wait for the outcomes. Give the parameters that it asks for, and a target if it has none. Approval works as for run_command.",
    kind: "act",
    parameters: v.strictObject({
      template: ResourceName,
      parameters,
      target: v.optional(Target),
      reason: Reason,
      wait_seconds,
    }),
    async run({ template, wait_seconds: seconds, ...request }, { client, agentsMax, signal }) {
      const limit = AbortSignal.any([signal, AbortSignal.timeout(seconds * 1000)]);
      const limited = { ...withoutAbsent(request), max_agents: agentsMax };
      return followed(await client.templates.run(template, limited, { signal: limit }), limit);
    },
  }),
  tool({
    name: "cancel_job",
    title: "Cancel a job",
    description: "Cancel the requests of a job: queued ones are dropped, running ones are stopped.",
    kind: "act",
    parameters: v.strictObject({ job_id: v.pipe(v.string(), v.minLength(4), v.maxLength(64)) }),
    run: ({ job_id }, { client }) => client.cancelJob(job_id),
  }),
];

/** Waits for the outcomes of a job until the limit, unless a person must approve it. */
async function followed({ accepted, lines }: SubmittedJob, limit: AbortSignal) {
  const { job, skipped = [] } = accepted;
  if (job.approval?.status === "pending") {
    const note = "A person must approve the job. Tell the user its ID, and wait.";
    return { status: "pending_approval", job_id: job.job_id, note };
  }
  const outcomes: OutcomeLine[] = [];
  try {
    for await (const line of lines) if (!isOutput(line)) outcomes.push(line);
  } catch (error) {
    if (!limit.aborted) throw error;
  }
  const status = outcomes.length < job.total ? "running" : "ended";
  return { status, job_id: job.job_id, total: job.total, skipped, outcomes };
}
