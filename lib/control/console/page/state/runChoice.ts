/** The choices of the Run page, as a job request. Pure functions. */
import type { JobRequestInput } from "../../../../protocol/api/jobs.ts";
import type { JobDetail } from "../../../../protocol/api/views.ts";
import { tryParse } from "./filter.ts";

export interface Choice {
  command: string;
  /** "none": each run of a template names its target. */
  kind: "agents" | "selector" | "all" | "none";
  /** IDs and wildcards, separated by commas or spaces. */
  agents: string;
  selector: string;
}

export const emptyChoice: Choice = { command: "", kind: "agents", agents: "", selector: "" };

export function choiceOf(query: URLSearchParams): Choice {
  const selector = query.get("selector") ?? "";
  const agents = query.get("agents")?.replaceAll(",", ", ") ?? "";
  const kind = query.get("all") === "1" ? "all" : selector === "" ? "agents" : "selector";
  return { command: query.get("command") ?? "", kind, agents, selector };
}

/** The target; undefined while it is empty or wrong. */
export function targetOf(choice: Choice): JobRequestInput["target"] | undefined {
  const { kind, agents, selector } = choice;
  if (kind === "none") return undefined;
  if (kind === "all") return { all: true };
  if (kind === "selector") {
    const parsed = tryParse(selector);
    return parsed.selector === undefined ? undefined : { selector };
  }
  const ids = agents.split(/[\s,]+/).filter(Boolean);
  return ids.length === 0 ? undefined : { agents: ids };
}

/** The fields of the rollout and the limits, by their names in the API. */
const numberOptions = ["timeout_seconds", "ttl_seconds"] as const;
const countOptions = ["batch", "canary", "max_failures"] as const;
const pauseOptions = ["batch_pause_seconds", "canary_pause_seconds"] as const;

type Options = Omit<JobRequestInput, "command" | "target" | "parameters">;

/** The seconds of a time such as 30s, 5m, 2h or 1d; NaN if it is none. */
export function readSeconds(text: string): number {
  const [, count = "", unit = "s"] = /^\s*(\d+(?:\.\d+)?)\s*([smhd]?)\s*$/.exec(text) ?? [];
  return Number.parseFloat(count) * ({ s: 1, m: 60, h: 3600, d: 86_400 }[unit] ?? 1);
}

/** Reads the texts of the fields; the error names the first wrong one. */
export function parseOptions(texts: Readonly<Record<string, string>>): {
  options: Options;
  error: string;
} {
  const options: Options = {};
  const rollout: NonNullable<JobRequestInput["rollout"]> = {};
  const wrong = (name: string, rule: string) => {
    return { options: {}, error: `${name.replaceAll("_", " ")} must be ${rule}` };
  };
  const seconds = (name: string) => {
    const text = texts[name] ?? "";
    return text === "" ? undefined : readSeconds(text);
  };
  for (const name of numberOptions) {
    const value = seconds(name);
    if (Number.isNaN(value)) return wrong(name, "a time such as 30s, 5m, 2h or 1d");
    if (value !== undefined) options[name] = value;
  }
  for (const name of pauseOptions) {
    const value = seconds(name);
    if (Number.isNaN(value)) return wrong(name, "a time such as 30s or 5m");
    if (value !== undefined) rollout[name] = value;
  }
  for (const name of countOptions) {
    const text = (texts[name] ?? "").trim();
    if (text === "") continue;
    if (!/^\d+(?:\.\d+)?%?$/.test(text)) return wrong(name, 'a number, or a share such as "10%"');
    rollout[name] = text.endsWith("%") ? text : Number(text);
  }
  if (texts.waves === "true") rollout.waves = true;
  if (Object.keys(rollout).length > 0) options.rollout = rollout;
  const { priority } = texts;
  if (priority === "high" || priority === "low") options.priority = priority;
  if (texts.require_online === "true") options.require_online = true;
  const reason = texts.reason?.trim() ?? "";
  if (reason !== "") options.reason = reason;
  return { options, error: "" };
}

/** The texts of the fields for a job that is repeated. */
export function optionsOf(job: JobDetail): Record<string, string> {
  const { rollout = {}, priority, require_online } = job;
  const times = { timeout_seconds: job.timeout_seconds, ttl_seconds: job.ttl_seconds };
  const all = { ...times, ...rollout, priority, require_online };
  const filled = Object.entries(all).filter(([, value]) => value !== undefined);
  return Object.fromEntries(filled.map(([name, value]) => [name, String(value)]));
}
