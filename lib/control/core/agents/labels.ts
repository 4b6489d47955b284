/**
 * The fields of an agent that selectors read: its id, the facts that it reports, and its labels.
 * Labels come from the control plane and from the agent's own configuration; the control plane's
 * take precedence. Only labels from the control plane decide which tokens may target an agent.
 */
import { infoNames, type Labels } from "../../../protocol/labels.ts";
import type { AgentRecord } from "../model.ts";

/** Reads a field or a label by name, for targets. */
export function readField(facts: AgentRecord, name: string): string | undefined {
  if (name === "agent") return facts.agentId;
  if (isInfoName(name)) return facts[name];
  return ownProperty(facts.labels, name) ?? ownProperty(facts.ownLabels, name);
}

/** Reads a field or a label by name, for token scopes. Facts that the agent reports are ignored. */
export function readTrustedField(facts: AgentRecord, name: string): string | undefined {
  return name === "agent" ? facts.agentId : ownProperty(facts.labels, name);
}

/** Merges both sources of labels, as targets see them. */
export function mergeAgentLabels({ labels, ownLabels }: AgentRecord): Labels | undefined {
  return labels === undefined && ownLabels === undefined ? undefined : { ...ownLabels, ...labels };
}

function isInfoName(name: string): name is Exclude<(typeof infoNames)[number], "agent"> {
  return (infoNames as readonly string[]).includes(name);
}

function ownProperty(labels: Labels | undefined, name: string): string | undefined {
  return labels !== undefined && Object.hasOwn(labels, name) ? labels[name] : undefined;
}
