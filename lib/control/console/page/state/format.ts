/** Formats values for display. Pure functions that are passed the time. */
import { escapeControls } from "../../../../escapeControls.ts";
import type { RolloutView } from "../../../../protocol/api/views.ts";
import type { Labels } from "../../../../protocol/labels.ts";

/** What a state means for people; a sign and a word always stand beside its colour. */
export type Tone = "good" | "bad" | "wait" | "off";

export interface Shown {
  text: string;
  tone: Tone;
}

/** Untrusted text as it is displayed: invisible and bidi characters are escaped. */
export function visible(text: unknown): string {
  return escapeControls(String(text));
}

/** Counts things: "1 agent", "2 agents". */
export function counted(count: number, noun: string, nouns = `${noun}s`): string {
  return `${count} ${count === 1 ? noun : nouns}`;
}

/** Formats the time since a moment. */
export function ago(moment: string | undefined, now: number): string {
  const seconds = Math.max(0, Math.round((now - Date.parse(moment ?? "")) / 1000));
  if (Number.isNaN(seconds)) return "never";
  if (seconds < 60) return `${seconds} s ago`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ago`;
  if (seconds < 2 * 86_400) return `${Math.floor(seconds / 3600)} h ago`;
  return `${Math.floor(seconds / 86_400)} days ago`;
}

/** Formats the time until a moment. */
export function until(moment: string, now: number): string {
  const seconds = Math.round((Date.parse(moment) - now) / 1000);
  if (seconds <= 0) return "now";
  return `in ${span(seconds)}`;
}

export function span(seconds: number): string {
  if (seconds < 60) return `${Math.round(seconds)} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min`;
  if (seconds < 2 * 86_400) return `${Math.floor(seconds / 3600)} h`;
  return `${Math.floor(seconds / 86_400)} days`;
}

export function took(durationMs: number | undefined): string {
  if (durationMs === undefined) return "";
  return durationMs < 1000 ? `${Math.round(durationMs)} ms` : `${(durationMs / 1000).toFixed(1)} s`;
}

export function bytes(count: number): string {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let value = count;
  let unit = 0;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit++;
  }
  return `${value < 10 && unit > 0 ? value.toFixed(1) : Math.round(value)} ${units[unit]}`;
}

interface StateOfAgent {
  access: string;
  online: boolean;
  drained?: true;
}

/** Formats an agent's state, with its tone. */
export function agentState(agent: StateOfAgent): Shown {
  if (agent.access === "pending") return { text: "pending approval", tone: "wait" };
  if (agent.access !== "active") return { text: `blocked (${agent.access})`, tone: "bad" };
  const drained = agent.drained ? ", drained" : "";
  const tone = !agent.online ? "off" : agent.drained ? "wait" : "good";
  return { text: `${agent.online ? "online" : "offline"}${drained}`, tone };
}

export interface StateOfJob {
  ended: number;
  total: number;
  succeeded: number;
  cancelled_at?: string;
  paused_at?: string;
  approval?: { status: string };
}

export function jobState(job: StateOfJob): Shown {
  if (job.ended >= job.total) {
    if (job.cancelled_at !== undefined) return { text: "cancelled", tone: "off" };
    return job.succeeded === job.total
      ? { text: "succeeded", tone: "good" }
      : { text: "not all succeeded", tone: "bad" };
  }
  if (job.cancelled_at !== undefined) return { text: "cancelling", tone: "wait" };
  if (job.approval?.status === "pending") return { text: "pending approval", tone: "wait" };
  if (job.paused_at !== undefined) return { text: "paused", tone: "wait" };
  return { text: "running", tone: "wait" };
}

export function jobProgress({ ended, total, succeeded }: StateOfJob): string {
  const failed = ended - succeeded;
  return `${ended} of ${total}${failed > 0 ? `, ${failed} did not succeed` : ""}`;
}

export function requestTone(state: string): Tone {
  if (state === "success") return "good";
  if (state === "cancelled") return "off";
  return state === "queued" || state === "sent" ? "wait" : "bad";
}

export function labelsText(labels: Labels = {}): string {
  return Object.entries(labels)
    .map(([name, value]) => `${name}=${value}`)
    .join(", ");
}

/** Formats a response: its code and message, then its result. */
export function answerText(answer: { code?: string; message?: string; result?: unknown }): string {
  const { code, message, result } = answer;
  const said = [code, message].filter((part) => part !== undefined).join(": ");
  if (result === undefined) return said;
  const text = typeof result === "string" ? result : JSON.stringify(result, null, 2);
  return said === "" ? text : `${said}\n${text}`;
}

/** Who created something: the name of the token if it has one, or its id. */
export function creator(made: { created_by: string; created_by_name?: string }): string {
  const { created_by: id, created_by_name: name } = made;
  return name === undefined ? id : `${name} (${id})`;
}

/** Formats how a job is spread over its agents. */
export function rolloutText(rollout: RolloutView): string {
  const { canary, batch, waves, max_failures: failures } = rollout;
  const { canary_pause_seconds: canaryPause, batch_pause_seconds: batchPause } = rollout;
  const pause = (seconds: number | undefined) =>
    seconds === undefined ? "" : ` and a pause of ${span(seconds)}`;
  return [
    canary === undefined ? "" : `${counted(canary, "canary agent")} first${pause(canaryPause)}`,
    batch === undefined ? "" : `${waves ? "waves" : "batches"} of ${batch}${pause(batchPause)}`,
    failures === undefined ? "" : `stops after more than ${counted(failures, "failure")}`,
  ]
    .filter(Boolean)
    .join(", ");
}

/** Formats a target as the flags of the command line. */
export function targetText(target: {
  agents?: string[] | undefined;
  selector?: string | undefined;
  all?: true | undefined;
  sample?: string | number | undefined;
}): string {
  const { agents, selector, all, sample } = target;
  const parts = [];
  if (all === true) parts.push("all agents");
  if (agents !== undefined) parts.push(agents.join(", "));
  if (selector !== undefined) parts.push(selector);
  if (sample !== undefined) parts.push(`sample ${sample}`);
  return parts.join(" · ");
}
