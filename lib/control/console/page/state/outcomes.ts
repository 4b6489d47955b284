/** Groups the requests of a job by equal answers. Pure functions. */
import type { RequestView } from "../../../../protocol/api/views.ts";
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
    const text = answerText(request);
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

/** The ids of artifacts that a result refers to. */
export function artifactsIn(value: unknown, depth = 0): string[] {
  if (typeof value !== "object" || value === null || depth > 8) return [];
  return Object.entries(value).flatMap(([name, each]) => {
    if (name === "artifact_id" && typeof each === "string") return [each];
    return artifactsIn(each, depth + 1);
  });
}
