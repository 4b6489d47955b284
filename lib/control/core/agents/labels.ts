/**
 * What selectors see of an agent: its id, what it says of itself, and its labels. Labels come from
 * the control plane and from the agent's own configuration; where both name one, the control
 * plane's counts. Only the control plane's decide who may command an agent.
 */
import { factNames, type Labels } from "../../../protocol/labels.ts";
import type { AgentFacts } from "../model.ts";

/** For targets: a fact or a label by its name. */
export function fieldOf(facts: AgentFacts, name: string): string | undefined {
  if (name === "agent") return facts.agentId;
  if (isFact(name)) return facts[name];
  return ownProperty(facts.labels, name) ?? ownProperty(facts.ownLabels, name);
}

/** For what a token may reach: what the agent says does not count. */
export function trustedFieldOf(facts: AgentFacts, name: string): string | undefined {
  return name === "agent" ? facts.agentId : ownProperty(facts.labels, name);
}

/** All labels as targets see them. */
export function labelsOf({ labels, ownLabels }: AgentFacts): Labels | undefined {
  return labels === undefined && ownLabels === undefined ? undefined : { ...ownLabels, ...labels };
}

function isFact(name: string): name is Exclude<(typeof factNames)[number], "agent"> {
  return (factNames as readonly string[]).includes(name);
}

function ownProperty(labels: Labels | undefined, name: string): string | undefined {
  return labels !== undefined && Object.hasOwn(labels, name) ? labels[name] : undefined;
}
