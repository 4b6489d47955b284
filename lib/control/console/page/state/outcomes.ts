/** Groups the requests of a job by equal answers. Pure functions. */
import type { RequestView } from "../../../../protocol/api/views.ts";
import { sharedResult } from "../../../../protocol/commands/restartResult.ts";
import { answerText, requestTone, type Tone } from "./format.ts";

export interface Group {
  key: string;
  state: RequestView["state"];
  tone: Tone;
  /** The answer that all of them have in common. */
  text: string;
  requests: RequestView[];
}

const order: Record<Tone, number> = { bad: 0, wait: 1, off: 2, good: 3 };

/** Groups with failures come first, then the largest. */
export function groupRequests(requests: readonly RequestView[]): Group[] {
  const groups = new Map<string, Group>();
  for (const request of requests) {
    const { state } = request;
    const text = answerText({ ...request, result: withoutArtifacts(sharedResult(request.result)) });
    const key = `${state}\n${text}`;
    const group = groups.get(key);
    if (group === undefined) {
      groups.set(key, { key, state, tone: requestTone(state), text, requests: [request] });
    } else group.requests.push(request);
  }
  return [...groups.values()].sort(
    (a, b) => order[a.tone] - order[b.tone] || b.requests.length - a.requests.length,
  );
}

export interface FoundArtifact {
  id: string;
  name: string;
}

const depthMax = 8;

/** The artifacts that a result refers to. */
export function artifactsIn(value: unknown, depth = 0): FoundArtifact[] {
  if (typeof value !== "object" || value === null || depth > depthMax) return [];
  const { artifact_id: id, name } = value as Record<string, unknown>;
  if (typeof id === "string") return [{ id, name: typeof name === "string" ? name : id }];
  return Object.values(value).flatMap((each) => artifactsIn(each, depth + 1));
}

/** The result as it is compared and shown: each agent has artifacts of its own. */
export function withoutArtifacts(result: unknown): unknown {
  if (typeof result !== "object" || result === null || Array.isArray(result)) return result;
  const rest = Object.entries(result).filter(([name]) => !/^artifacts?$/.test(name));
  return rest.length === 0 ? undefined : Object.fromEntries(rest);
}
