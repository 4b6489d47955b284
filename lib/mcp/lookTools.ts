/** Tools that look: they change nothing. */
import * as v from "valibot";
import { Target } from "../protocol/api/target.ts";
import { jobStatuses } from "../protocol/api/views.ts";
import { AgentId, CommandName } from "../protocol/names.ts";
import { readArtifact, readOutput } from "./readText.ts";
import { type Tool, tool, withoutAbsent } from "./tool.ts";

const limit = v.optional(v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(100)), 20);
const jobId = v.pipe(v.string(), v.minLength(4), v.maxLength(64));

export const lookTools: readonly Tool[] = [
  tool({
    name: "list_agents",
    title: "List agents",
    description:
      "List the hosts of the fleet: online or not, labels, system, CPU and memory. `selector` filters, for example `env=prod,!canary or os=darwin`.",
    kind: "look",
    parameters: v.strictObject({ selector: v.optional(v.pipe(v.string(), v.maxLength(1_000))) }),
    run: async ({ selector }, { client }) => ({
      agents: await client.agents(selector === undefined ? {} : { selector }),
    }),
  }),
  tool({
    name: "get_agent",
    title: "Show an agent",
    description:
      "Show one host with the commands that it can run, the JSON Schema of their parameters, and its metrics.",
    kind: "look",
    parameters: v.strictObject({ agent: AgentId }),
    run: ({ agent }, { client }) => client.agent(agent),
  }),
  tool({
    name: "list_jobs",
    title: "List jobs",
    description:
      "List recent jobs, the newest first: who ran which command, where, and how it went.",
    kind: "look",
    parameters: v.strictObject({
      agent: v.optional(AgentId),
      command: v.optional(CommandName),
      status: v.optional(v.picklist(jobStatuses)),
      limit,
    }),
    run: (query, { client }) => client.jobs(withoutAbsent(query)),
  }),
  tool({
    name: "get_job",
    title: "Show a job",
    description: "Show one job with the outcome and the result of each agent.",
    kind: "look",
    parameters: v.strictObject({ job_id: jobId }),
    run: ({ job_id }, { client }) => client.job(job_id),
  }),
  tool({
    name: "read_output",
    title: "Read output",
    description:
      "Read the last lines that the programs of a job that runs have written, with those of the next three seconds. get_job has what is kept of a job that has ended. Needs an operator's token.",
    kind: "look",
    parameters: v.strictObject({ job_id: jobId, agent: v.optional(AgentId) }),
    run: ({ job_id, agent }, { client, signal }) => readOutput(client, { job_id, agent, signal }),
  }),
  tool({
    name: "read_artifact",
    title: "Read an artifact",
    description:
      "Read text that an agent sent, such as logs that fetch_logs collected: its last 100 lines. The result of a job has the ID. Needs an operator's token.",
    kind: "look",
    parameters: v.strictObject({ artifact_id: jobId }),
    run: ({ artifact_id }, { client }) => readArtifact(client, artifact_id),
  }),
  tool({
    name: "list_templates",
    title: "List templates",
    description: "List the jobs that people saved under a name, with what a run must fill in.",
    kind: "look",
    parameters: v.strictObject({}),
    run: async (_none, { client }) => ({ templates: await client.templates.list() }),
  }),
  tool({
    name: "list_audit",
    title: "Read the audit trail",
    description: "List who did what, the newest entries. Only an administrator's token may.",
    kind: "look",
    parameters: v.strictObject({ agent: v.optional(AgentId), limit }),
    run: (query, { client }) => client.auditTrail(withoutAbsent(query)),
  }),
  tool({
    name: "plan_command",
    title: "Plan a command",
    description:
      "Dry run: which agents a command would run on, which are skipped and why, and the JSON Schema of its parameters. Runs nothing.",
    kind: "look",
    parameters: v.strictObject({ command: CommandName, target: Target }),
    async run({ command, target }, { client, agentsMax }) {
      const { agents, skipped } = await client.targets({ target, require_online: false });
      const [first] = agents;
      const known = first === undefined ? undefined : (await client.agent(first.agent_id)).commands;
      const definition = known?.find(({ name }) => name === command);
      return {
        agents,
        skipped,
        is_within_limit: agents.length <= agentsMax,
        agents_max: agentsMax,
        ...(definition === undefined ? { is_known: false } : { command: definition }),
      };
    },
  }),
  tool({
    name: "whoami",
    title: "Show the own token",
    description:
      "Show the role of this connection, and the commands and agents that it is limited to.",
    kind: "look",
    parameters: v.strictObject({}),
    run: (_none, { client }) => client.whoami(),
  }),
];
