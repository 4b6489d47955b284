/** Whom a target means: of the known agents those that it names or selects, each once. */
import { matches, parseSelector } from "../../../protocol/api/selector.ts";
import { resolveCount, type Target } from "../../../protocol/api/target.ts";
import { WsctlError } from "../../../protocol/errors.ts";
import { hasWildcard, matchesWildcard } from "../../../protocol/wildcard.ts";
import { readField } from "./labels.ts";
import type { AgentState } from "./session.ts";
import { stableHash } from "./stableHash.ts";

export interface ResolvedTarget {
  /** In the order of the target where it is a list of ids, otherwise by id. */
  agents: string[];
  /** Selected, but they take no new jobs. */
  drained: string[];
  /** Selected, but away, and only those that are there were wanted. */
  offline: string[];
}

/**
 * Throws `NO_MATCH` where it means nobody or names somebody unknown, `OFFLINE` or `CONFLICT` where
 * it names somebody who is away or drained and so cannot be meant. Those that are only selected are
 * left out instead.
 */
export function resolveTarget(
  target: Target,
  known: ReadonlyMap<string, AgentState>,
  { requireOnline, seed }: { requireOnline: boolean; seed: string },
): ResolvedTarget {
  const named = new Set(target.agents?.filter((each) => !hasWildcard(each)));
  reject(
    "NO_MATCH",
    [...named].filter((agentId) => !known.has(agentId)),
    (names) => `No agent ${names}: it has never connected and has no token`,
  );
  const selected = [...candidates(target, named, known)];
  const isDrained = (agentId: string) => known.get(agentId)?.record.drained === true;
  const isOffline = (agentId: string) =>
    requireOnline && !isDrained(agentId) && known.get(agentId)?.session === undefined;
  const drained = selected.filter(isDrained);
  const away = selected.filter(isOffline);
  const among = (agentIds: string[]) => agentIds.filter((agentId) => named.has(agentId));
  reject("CONFLICT", among(drained), (names) => `Drained, and so taking no new jobs: ${names}`);
  reject("OFFLINE", among(away), (names) => `Away, and not to be waited for: ${names}`);
  const left = selected.filter((agentId) => !isDrained(agentId) && !isOffline(agentId));
  if (left.length === 0) throw new WsctlError("NO_MATCH", noMatchError(known, drained, away));
  return { agents: takeSample(left, target.sample, seed), drained, offline: away };
}

/** With the seed that chooses its sample, where it has one: kept with the job, it tells how. */
export function shuffleBySeed(target: Target, fresh: string): { target: Target; seed: string } {
  if (target.sample === undefined) return { target, seed: "" };
  const seed = target.seed ?? fresh;
  return { target: { ...target, seed }, seed };
}

/** Throws `TOO_MANY_AGENTS` where more are meant than whoever asks had in mind. */
export function assertWithinMax(count: number, most: number | undefined): void {
  if (most === undefined || count <= most) return;
  throw new WsctlError("TOO_MANY_AGENTS", `The target means ${count} agents, more than ${most}`);
}

function candidates(
  { agents, selector, all }: Target,
  named: ReadonlySet<string>,
  known: ReadonlyMap<string, AgentState>,
): Iterable<string> {
  if (agents !== undefined && selector === undefined && named.size === agents.length) return named;
  const globs = agents?.filter(hasWildcard) ?? [];
  const wanted = selector === undefined ? undefined : parseSelector(selector);
  const isNamed = (agentId: string) =>
    named.has(agentId) || globs.some((glob) => matchesWildcard(glob, agentId));
  const found = [...known].filter(([agentId, { record }]) => {
    if (all) return true;
    if (agents !== undefined && !isNamed(agentId)) return false;
    return wanted === undefined || matches(wanted, (name) => readField(record, name));
  });
  return found.map(([agentId]) => agentId).sort();
}

/** The same agents for the same seed, whoever else there is: each has its own place in line. */
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

/** `says` is told the names, in words. */
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
  known: ReadonlyMap<string, AgentState>,
  drained: string[],
  away: string[],
): string {
  if (known.size === 0) return "No agent matches: none that you may ask is known";
  const left = [
    ...(drained.length === 0 ? [] : [`${drained.length} drained`]),
    ...(away.length === 0 ? [] : [`${away.length} away`]),
  ];
  const but = left.length === 0 ? "" : ` (left out: ${left.join(", ")})`;
  return `No agent matches this target${but}; see them with: wsctl agents`;
}
