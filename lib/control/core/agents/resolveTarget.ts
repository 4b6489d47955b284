/** Whom a target means: of the known agents those that it names or selects, each once. */
import { matches, parseSelector } from "../../../protocol/api/selector.ts";
import { countOf, type Target } from "../../../protocol/api/target.ts";
import { WsctlError } from "../../../protocol/errors.ts";
import { hasWildcard, matchesWildcard } from "../../../protocol/wildcard.ts";
import { fieldOf } from "./labels.ts";
import type { Agent } from "./session.ts";
import { scattered } from "./stableHash.ts";

export interface Meant {
  /** In the order of the target where it is a list of ids, otherwise by id. */
  agents: string[];
  /** Selected, but they take no new jobs. */
  drained: string[];
  /** Selected, but away, and only those that are there were wanted. */
  away: string[];
}

/**
 * Throws `NO_MATCH` where it means nobody or names somebody unknown, `OFFLINE` or `CONFLICT` where
 * it names somebody who is away or drained and so cannot be meant. Those that are only selected are
 * left out instead.
 */
export function resolveTarget(
  target: Target,
  known: ReadonlyMap<string, Agent>,
  { requireOnline, seed }: { requireOnline: boolean; seed: string },
): Meant {
  const named = new Set(target.agents?.filter((each) => !hasWildcard(each)));
  refuse(
    "NO_MATCH",
    [...named].filter((agentId) => !known.has(agentId)),
    (names) => `No agent ${names}: it has never connected and has no token`,
  );
  const selected = [...candidates(target, named, known)];
  const isDrained = (agentId: string) => known.get(agentId)?.facts.drained === true;
  const isAway = (agentId: string) =>
    requireOnline && !isDrained(agentId) && known.get(agentId)?.session === undefined;
  const drained = selected.filter(isDrained);
  const away = selected.filter(isAway);
  const among = (agentIds: string[]) => agentIds.filter((agentId) => named.has(agentId));
  refuse("CONFLICT", among(drained), (names) => `Drained, and so taking no new jobs: ${names}`);
  refuse("OFFLINE", among(away), (names) => `Away, and not to be waited for: ${names}`);
  const left = selected.filter((agentId) => !isDrained(agentId) && !isAway(agentId));
  if (left.length === 0) throw new WsctlError("NO_MATCH", nobody(known, drained, away));
  return { agents: sampleOf(left, target.sample, seed), drained, away };
}

/** With the seed that chooses its sample, where it has one: kept with the job, it tells how. */
export function seeded(target: Target, fresh: string): { target: Target; seed: string } {
  if (target.sample === undefined) return { target, seed: "" };
  const seed = target.seed ?? fresh;
  return { target: { ...target, seed }, seed };
}

/** Throws `TOO_MANY_AGENTS` where more are meant than whoever asks had in mind. */
export function refuseTooMany(count: number, most: number | undefined): void {
  if (most === undefined || count <= most) return;
  throw new WsctlError("TOO_MANY_AGENTS", `The target means ${count} agents, more than ${most}`);
}

function candidates(
  { agents, selector, all }: Target,
  named: ReadonlySet<string>,
  known: ReadonlyMap<string, Agent>,
): Iterable<string> {
  if (agents !== undefined && selector === undefined && named.size === agents.length) return named;
  const globs = agents?.filter(hasWildcard) ?? [];
  const wanted = selector === undefined ? undefined : parseSelector(selector);
  const isNamed = (agentId: string) =>
    named.has(agentId) || globs.some((glob) => matchesWildcard(glob, agentId));
  const found = [...known].filter(([agentId, { facts }]) => {
    if (all) return true;
    if (agents !== undefined && !isNamed(agentId)) return false;
    return wanted === undefined || matches(wanted, (name) => fieldOf(facts, name));
  });
  return found.map(([agentId]) => agentId).sort();
}

/** The same agents for the same seed, whoever else there is: each has its own place in line. */
function sampleOf(agents: string[], sample: Target["sample"], seed: string): string[] {
  if (sample === undefined) return agents;
  const count = Math.max(1, Math.ceil(countOf(sample, agents.length)));
  const places = new Map(agents.map((agentId) => [agentId, scattered(`${seed}\n${agentId}`)]));
  const inLine = [...agents].sort((a, b) => {
    return (places.get(a) ?? 0) - (places.get(b) ?? 0) || (a < b ? -1 : 1);
  });
  const chosen = new Set(inLine.slice(0, count));
  return agents.filter((agentId) => chosen.has(agentId));
}

/** `says` is told the names, in words. */
function refuse(
  code: "NO_MATCH" | "CONFLICT" | "OFFLINE",
  agentIds: readonly string[],
  says: (names: string) => string,
): void {
  if (agentIds.length === 0) return;
  const more = agentIds.length > 5 ? ` and ${agentIds.length - 5} more` : "";
  const names = agentIds.slice(0, 5).map((agentId) => `"${agentId}"`);
  throw new WsctlError(code, says(`${names.join(", ")}${more}`));
}

function nobody(known: ReadonlyMap<string, Agent>, drained: string[], away: string[]): string {
  if (known.size === 0) return "No agent matches: none that you may ask is known";
  const left = [
    ...(drained.length === 0 ? [] : [`${drained.length} drained`]),
    ...(away.length === 0 ? [] : [`${away.length} away`]),
  ];
  const but = left.length === 0 ? "" : ` (left out: ${left.join(", ")})`;
  return `No agent matches this target${but}; see them with: wsctl agents`;
}
