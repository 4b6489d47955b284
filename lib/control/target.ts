/** Whom a target means: the known agents that it names, each once. */
import type { Target } from "../protocol/api.ts";
import { WsctlError } from "../protocol/errors.ts";

/** In the order of the target; throws `NO_MATCH` where it names nobody, or somebody unknown. */
export function resolveTarget(target: Target, known: ReadonlyMap<string, unknown>): string[] {
  if ("all" in target) {
    if (known.size > 0) return [...known.keys()];
    throw new WsctlError("NO_MATCH", "No agent matches: none has ever connected");
  }
  const wanted = [...new Set(target.agents)];
  const unknown = wanted.filter((agentId) => !known.has(agentId));
  if (unknown.length === 0) return wanted;
  const more = unknown.length > 5 ? ` and ${unknown.length - 5} more` : "";
  const names = unknown.slice(0, 5).map((agentId) => `"${agentId}"`);
  throw new WsctlError(
    "NO_MATCH",
    `No agent ${names.join(", ")}${more}: it has never connected and has no token`,
  );
}
