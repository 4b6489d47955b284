/** Resolves a target to the known agents that it names or selects, without duplicates. */
import {
  matches,
  parseSelector,
  replaceSaved,
  type Selector,
} from "../../../protocol/api/selector.ts";
import {
  resolveCount,
  type SkippedAgent,
  type SkipReason,
  type Target,
} from "../../../protocol/api/target.ts";
import { WsctlError } from "../../../protocol/errors.ts";
import { hasWildcard, matchesWildcard } from "../../../protocol/wildcard.ts";
import { readField } from "./labels.ts";
import type { AgentState } from "./session.ts";
import { stableHash } from "./stableHash.ts";

export interface ResolvedTarget {
  /** In the order of the target if it is a list of ids, otherwise sorted by id. */
  agents: string[];
  /** Selected agents that get no request. */
  skipped: SkippedAgent[];
}

export interface TargetTerms {
  /** Whether any agent exists, in the scope of the token or not. */
  hasAgents: boolean;
  requireOnline: boolean;
  /** The seed of a sample. */
  seed: string;
  /** Returns the selector of a saved target, or throws. */
  saved(name: string): Selector;
  /** Skips named agents like selected ones. */
  skipsNamed?: boolean;
  /** Returns those of some offline agents that may not connect, with the reason. */
  blocked(agentIds: readonly string[]): ReadonlyMap<string, SkipReason>;
}

/**
 * Resolves a target. Agents that get no request, such as drained ones, are skipped if they are only
 * selected, and rejected if they are named.
 *
 * @throws {WsctlError} NO_MATCH if the target selects no agent or names an unknown one
 * @throws {WsctlError} OFFLINE or CONFLICT if a named agent gets no request
 */
export function resolveTarget(
  target: Target,
  known: ReadonlyMap<string, AgentState>,
  { requireOnline, seed, blocked, saved, skipsNamed, hasAgents }: TargetTerms,
): ResolvedTarget {
  const named = new Set(target.agents?.filter((each) => !hasWildcard(each)));
  reject(
    "NO_MATCH",
    [...named].filter((agentId) => !known.has(agentId)),
    (names) => `Unknown agent ${names}. List the agents to see their IDs`,
  );
  const selected = [...candidates(target, named, known, saved)];
  const offline = selected.filter((agentId) => known.get(agentId)?.session === undefined);
  const barred = blocked(offline);
  const away = new Set(requireOnline ? offline : []);
  const reasonOf = (agentId: string): SkipReason | undefined => {
    if (known.get(agentId)?.record.drained === true) return "drained";
    return barred.get(agentId) ?? (away.has(agentId) ? "offline" : undefined);
  };
  const agents: string[] = [];
  const skipped: SkippedAgent[] = [];
  for (const agentId of selected) {
    const reason = reasonOf(agentId);
    if (reason === undefined) agents.push(agentId);
    else skipped.push({ agent_id: agentId, reason });
  }
  const refused = Map.groupBy(
    skipped.filter(({ agent_id }) => !skipsNamed && named.has(agent_id)),
    ({ reason }) => reason,
  );
  for (const [reason, which] of refused) {
    const ids = which.map(({ agent_id }) => agent_id);
    const code = reason === "offline" ? "OFFLINE" : "CONFLICT";
    reject(code, ids, (names) => `Cannot send to ${names}: ${skipText[reason]}`);
  }
  if (agents.length === 0)
    throw new WsctlError("NO_MATCH", noMatchError(hasAgents, known, skipped));
  return { agents: takeSample(agents, target.sample, seed), skipped };
}

const skipText: Record<SkipReason, string> = {
  drained: "drained. Undrain with: wsctl agents undrain ID",
  revoked: "without a valid credential. Join it again with a new join string: wsctl tokens create",
  fenced:
    "fenced, because its identity was used from two places. Join it again with a new join string: wsctl tokens create",
  pending: "not approved yet. Approve it with: wsctl agents approve ID",
  offline: "offline, but the job requires online agents",
};

/**
 * Adds a seed to a target with a sample. The seed is stored with the job, so that the sample can be
 * reproduced.
 */
export function shuffleBySeed(target: Target, fresh: string): { target: Target; seed: string } {
  if (target.sample === undefined) return { target, seed: "" };
  const seed = target.seed ?? fresh;
  return { target: { ...target, seed }, seed };
}

/**
 * Rejects a target that selects more agents than the operator allowed.
 *
 * @throws {WsctlError} TOO_MANY_AGENTS
 */
export function assertWithinMax(count: number, most: number | undefined): void {
  if (most === undefined || count <= most) return;
  throw new WsctlError(
    "TOO_MANY_AGENTS",
    `Target selects ${count} agents, more than the allowed ${most}`,
  );
}

function candidates(
  { agents, selector, all }: Target,
  named: ReadonlySet<string>,
  known: ReadonlyMap<string, AgentState>,
  saved: TargetTerms["saved"],
): Iterable<string> {
  if (agents !== undefined && selector === undefined && named.size === agents.length) return named;
  const globs = agents?.filter(hasWildcard) ?? [];
  const wanted = selector === undefined ? undefined : replaceSaved(parseSelector(selector), saved);
  const isNamed = (agentId: string) =>
    named.has(agentId) || globs.some((glob) => matchesWildcard(glob, agentId));
  const found = [...known].filter(([agentId, { record }]) => {
    if (all) return true;
    if (agents !== undefined && !isNamed(agentId)) return false;
    return wanted === undefined || matches(wanted, (name) => readField(record, name));
  });
  return found.map(([agentId]) => agentId).sort();
}

/**
 * Takes a sample. The same seed selects the same agents, because each agent's rank depends only on
 * the seed and its id.
 */
function takeSample(agents: string[], sample: Target["sample"], seed: string): string[] {
  if (sample === undefined) return agents;
  const count = Math.max(1, Math.ceil(resolveCount(sample, agents.length)));
  const places = new Map(agents.map((agentId) => [agentId, stableHash(`${seed}\n${agentId}`)]));
  const inLine = [...agents].sort((a, b) => {
    return (places.get(a) ?? 0) - (places.get(b) ?? 0) || (a < b ? -1 : 1);
  });
  const chosen = new Set(inLine.slice(0, count));
  return agents.filter((agentId) => chosen.has(agentId));
}

/** @param says Builds the message from the quoted agent ids. */
function reject(
  code: "NO_MATCH" | "CONFLICT" | "OFFLINE",
  agentIds: readonly string[],
  says: (names: string) => string,
): void {
  if (agentIds.length === 0) return;
  const more = agentIds.length > 5 ? ` and ${agentIds.length - 5} more` : "";
  const names = agentIds.slice(0, 5).map((agentId) => `"${agentId}"`);
  throw new WsctlError(code, says(`${names.join(", ")}${more}`));
}

function noMatchError(
  hasAgents: boolean,
  known: ReadonlyMap<string, AgentState>,
  skipped: readonly SkippedAgent[],
): string {
  if (known.size === 0) {
    return hasAgents
      ? "No agent matches: no agent is in the scope of this token"
      : "No agent matches: no agent has joined yet. Start one on each host with: wsctl agent";
  }
  const counts = [...Map.groupBy(skipped, ({ reason }) => reason)].map(
    ([reason, which]) => `${which.length} ${reason}`,
  );
  const but = counts.length === 0 ? "" : ` (skipped: ${counts.join(", ")})`;
  return `No agent matches this target${but}. List the agents with: wsctl agents`;
}
