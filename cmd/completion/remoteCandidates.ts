/** Candidates from the control plane, added as they arrive. */
import type { Client } from "../../lib/client/client.ts";
import type { Capability } from "../../lib/protocol/api/views.ts";
import { listParameters, type Parameter } from "../cli/parameterHelp.ts";
import type { Candidates } from "./candidates.ts";
import type { CandidateKind } from "./cursor.ts";

export interface RemoteLookup {
  kind: CandidateKind;
  client: Client;
  /** The agents of `--agent`; all agents if empty. */
  agentIds: readonly string[];
  /** The command to send. */
  command: string | undefined;
  /** The typed part of the word, and the other parameters. */
  typed: string;
  given: readonly string[];
}

/**
 * Similar hosts have the same commands, so only this number of agents is queried without `--agent`.
 */
const agentsQueriedMax = 32;
const jobsMax = 50;

export async function addRemoteCandidates(
  asked: RemoteLookup,
  candidates: Candidates,
): Promise<void> {
  const { kind, client } = asked;
  switch (kind) {
    case "agent":
    case "agents":
      for (const { agent_id, online } of await client.agents()) {
        candidates.add(agent_id, online ? "online" : "offline");
      }
      return;
    case "artifact":
      for (const each of (await client.artifacts({ limit: jobsMax })).items) {
        candidates.add(each.artifact_id, `${each.name}, ${each.created_at}`);
      }
      return;
    case "job":
      for (const { job_id, command, created_at } of (await client.jobs({ limit: jobsMax })).items) {
        candidates.add(job_id, `${command}, ${created_at}`);
      }
      return;
    case "schedule":
      for (const { name, job } of await client.schedules()) candidates.add(name, job.command);
      return;
    case "template":
      for (const { name, job } of await client.templates.list()) candidates.add(name, job.command);
      return;
    case "saved-target":
      for (const { name, selector } of await client.savedTargets.list()) {
        candidates.add(name, selector);
      }
      return;
    case "webhook":
      for (const { name, url } of await client.webhooks.list()) candidates.add(name, url);
      return;
    case "selector":
      return addSelectors(client, candidates);
    case "token":
      for (const { token_id, role, agent_id, revoked_at } of await client.tokens()) {
        if (revoked_at === undefined) candidates.add(token_id, agent_id ?? role);
      }
      return;
    case "command":
      return eachCommand(asked, ({ name, description }) => candidates.add(name, description));
    case "parameter":
      return eachCommand(asked, (entry) => {
        if (entry.name !== asked.command || entry.parameters === undefined) return;
        addParameters(listParameters(entry.parameters), asked, candidates);
      });
    default:
  }
}

/** Labels and facts with their values, and saved targets: what one requirement may be. */
async function addSelectors(client: Client, candidates: Candidates): Promise<void> {
  for (const { name, selector } of await client.savedTargets.list()) {
    candidates.add(`@${name}`, selector);
  }
  for (const { labels = {}, hostname, os, arch, version } of await client.agents()) {
    for (const [name, value] of Object.entries({ ...labels, hostname, os, arch, version })) {
      if (value !== undefined) candidates.add(`${name}=${value}`);
    }
  }
}

/** Queries the commands of the agents; each agent is added when its response arrives. */
async function eachCommand(
  { client, agentIds }: RemoteLookup,
  seen: (entry: Capability) => void,
): Promise<void> {
  const ids = agentIds.length > 0 ? agentIds : await likelyAgents(client);
  await Promise.all(
    ids.slice(0, agentsQueriedMax).map(async (id) => {
      // An unknown agent does not affect the others.
      const agent = await client.agent(id).catch(() => undefined);
      for (const entry of agent?.commands ?? []) seen(entry);
    }),
  );
}

/** Returns online agents first. */
async function likelyAgents(client: Client): Promise<string[]> {
  const agents = await client.agents();
  const sorted = [
    ...agents.filter((each) => each.online),
    ...agents.filter((each) => !each.online),
  ];
  return sorted.map((each) => each.agent_id);
}

function addParameters(
  parameters: readonly Parameter[],
  { typed, given }: RemoteLookup,
  candidates: Candidates,
): void {
  const at = typed.indexOf("=");
  const name = typed.slice(0, Math.max(0, at));
  const taken = given.map((pair) => pair.split("=")[0]);
  for (const each of parameters) {
    if (at < 0) {
      if (each.name.includes("=") || taken.includes(each.name)) continue;
      candidates.add(`${each.name}=`, each.description ?? each.words);
    } else if (each.name === name) {
      for (const value of each.values) candidates.add(`${name}=${value}`);
    }
  }
}
