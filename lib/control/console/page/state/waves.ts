/** The progress of a rollout by its stages: canaries, then waves or the rest. Pure functions. */
import type { JobDetail, RequestView } from "../../../../protocol/api/views.ts";
import { requestTone, type Tone } from "./format.ts";

export interface Wave {
  title: string;
  state: { text: "ended" | "runs" | "waits" | "never started" | "pauses"; tone: Tone };
  total: number;
  ended: number;
  /** The number of requests in each state, most advanced first. */
  counts: readonly (readonly [RequestView["state"], number])[];
  /** When the pause after the wave before ends, in milliseconds since 1970. */
  startsAt?: number;
}

/** Waves that have ended, or wait, become one row each if there are more. */
const wavesMax = 12;

const order = ["success", "failed", "error", "lost", "expired", "cancelled", "sent", "queued"];

type Rollout = NonNullable<JobDetail["rollout"]>;
type Stage = { title: string; requests: RequestView[] };

/** The stages of the rollout; none if all agents run at once. */
export function wavesOf(job: Pick<JobDetail, "rollout" | "requests">): Wave[] {
  const { rollout = {}, requests } = job;
  const { canary = 0, batch } = rollout;
  if (canary === 0 && batch === undefined) return [];
  const stages = stagesOf(rollout, requests).filter((each) => each.requests.length > 0);
  const waves: Wave[] = [];
  for (const stage of stages) waves.push(waveOf(stage));
  addPause(waves, stages, rollout);
  return waves.length > wavesMax ? shortened(waves) : waves;
}

/** The requests of a job are in the order in which they start. */
function stagesOf(rollout: Rollout, requests: readonly RequestView[]): Stage[] {
  const { canary = 0, batch, waves } = rollout;
  const rest = requests.slice(canary);
  const first = { title: "Canary", requests: requests.slice(0, canary) };
  if (!waves || batch === undefined) {
    const size = batch === undefined ? "at once" : `at most ${batch} at a time`;
    return [first, { title: canary > 0 ? `The rest, ${size}` : `All, ${size}`, requests: rest }];
  }
  const count = Math.ceil(rest.length / batch);
  const parts = Array.from({ length: count }, (_, index) => ({
    title: `Wave ${index + 1} of ${count}`,
    requests: rest.slice(index * batch, (index + 1) * batch),
  }));
  return [first, ...parts];
}

function waveOf({ title, requests }: Stage): Wave {
  const found = new Map<RequestView["state"], number>();
  for (const { state } of requests) found.set(state, (found.get(state) ?? 0) + 1);
  const counts = [...found].sort(([a], [b]) => order.indexOf(a) - order.indexOf(b));
  const total = requests.length;
  const ended = total - (found.get("queued") ?? 0) - (found.get("sent") ?? 0);
  return { title, total, ended, counts, state: stateOf(requests, ended) };
}

function stateOf(requests: readonly RequestView[], ended: number): Wave["state"] {
  if (ended === requests.length) {
    if (requests.every(({ state, sent_at: at }) => state === "cancelled" && at === undefined)) {
      return { text: "never started", tone: "off" };
    }
    const isBad = requests.some(({ state }) => requestTone(state) === "bad");
    return { text: "ended", tone: isBad ? "bad" : "good" };
  }
  const isBegun = ended > 0 || requests.some(({ state }) => state === "sent");
  return isBegun ? { text: "runs", tone: "wait" } : { text: "waits", tone: "off" };
}

/** The first wave that waits starts after the pause of the wave before. */
function addPause(waves: Wave[], stages: readonly Stage[], rollout: Rollout): void {
  const at = waves.findIndex(({ state }) => state.text === "waits");
  const [wave, before, stage] = [waves[at], waves[at - 1], stages[at - 1]];
  if (wave === undefined || before?.state.text !== "ended" || stage === undefined) return;
  const { canary = 0, canary_pause_seconds: first, batch_pause_seconds: between } = rollout;
  const pause = canary > 0 && at === 1 ? first : between;
  if (pause === undefined) return;
  const ends = stage.requests.map(({ ended_at: end }) => Date.parse(end ?? ""));
  wave.startsAt = Math.max(...ends.filter((each) => !Number.isNaN(each))) + pause * 1000;
  wave.state = { text: "pauses", tone: "wait" };
}

function shortened(waves: readonly Wave[]): Wave[] {
  const isOver = ({ state }: Wave) => state.text === "ended" && state.tone === "good";
  const isIdle = ({ state }: Wave) => state.text === "waits" || state.text === "never started";
  return [
    ...merged(waves.filter(isOver), "earlier"),
    ...waves.filter((each) => !isOver(each) && !isIdle(each)).slice(0, wavesMax),
    ...merged(waves.filter(isIdle), "later"),
  ];
}

function merged(waves: readonly Wave[], which: string): Wave[] {
  const [first] = waves;
  if (first === undefined || waves.length === 1) return [...waves];
  const counts = new Map<RequestView["state"], number>();
  for (const [state, count] of waves.flatMap((each) => each.counts)) {
    counts.set(state, (counts.get(state) ?? 0) + count);
  }
  const sum = (of: (wave: Wave) => number) => waves.reduce((all, each) => all + of(each), 0);
  const total = sum((each) => each.total);
  const ended = sum((each) => each.ended);
  return [{ ...first, title: `${waves.length} ${which} waves`, total, ended, counts: [...counts] }];
}
