/** Candidates that only the control plane knows, added as they become known. */
import type { Client } from "../../lib/client/client.ts";
import type { Capability } from "../../lib/protocol/api/views.ts";
import { listParameters, type Parameter } from "../cli/parameterHelp.ts";
import type { Candidates } from "./candidates.ts";
import type { CandidateKind } from "./cursor.ts";

export interface RemoteLookup {
  kind: CandidateKind;
  client: Client;
  /** The agents of `--agent`; all where there are none. */
  agentIds: readonly string[];
  /** The command that is being sent. */
  command: string | undefined;
  /** What is typed of the word, and the parameters that stand elsewhere. */
  typed: string;
  given: readonly string[];
}

/** Equal hosts have equal commands: so many agents are asked where none is named. */
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

/** What the agents have announced, from each as soon as it is there. */
async function eachCommand(
  { client, agentIds }: RemoteLookup,
  seen: (entry: Capability) => void,
): Promise<void> {
  const ids = agentIds.length > 0 ? agentIds : await likelyAgents(client);
  await Promise.all(
    ids.slice(0, agentsQueriedMax).map(async (id) => {
      // One that there is not takes nothing from the others.
      const agent = await client.agent(id).catch(() => undefined);
      for (const entry of agent?.commands ?? []) seen(entry);
    }),
  );
}

/** Those that are there first. */
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
