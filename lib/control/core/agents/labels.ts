/**
 * What selectors see of an agent: its id, what it says of itself, and its labels. Labels come from
 * the control plane and from the agent's own configuration; where both name one, the control
 * plane's counts. Only the control plane's decide who may command an agent.
 */
import { infoNames, type Labels } from "../../../protocol/labels.ts";
import type { AgentRecord } from "../model.ts";

/** For targets: a fact or a label by its name. */
export function readField(facts: AgentRecord, name: string): string | undefined {
  if (name === "agent") return facts.agentId;
  if (isInfoName(name)) return facts[name];
  return ownProperty(facts.labels, name) ?? ownProperty(facts.ownLabels, name);
}

/** For what a token may reach: what the agent says does not count. */
export function readTrustedField(facts: AgentRecord, name: string): string | undefined {
  return name === "agent" ? facts.agentId : ownProperty(facts.labels, name);
}

/** All labels as targets see them. */
export function mergeAgentLabels({ labels, ownLabels }: AgentRecord): Labels | undefined {
  return labels === undefined && ownLabels === undefined ? undefined : { ...ownLabels, ...labels };
}

function isInfoName(name: string): name is Exclude<(typeof infoNames)[number], "agent"> {
  return (infoNames as readonly string[]).includes(name);
}

function ownProperty(labels: Labels | undefined, name: string): string | undefined {
  return labels !== undefined && Object.hasOwn(labels, name) ? labels[name] : undefined;
}
