/** The command line that does the same as a page. Pure functions. */
import type { JobRequestInput } from "../../../../protocol/api/jobs.ts";

/** Quotes a word for a POSIX shell. */
export function quoted(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}

/** The line with `wsctl send` for a job. */
export function sendLine(job: JobRequestInput): string {
  const { command, parameters = {}, target, rollout = {} } = job;
  const words = ["wsctl", "send", command];
  const add = (flag: string, value: string | number | undefined) => {
    if (value !== undefined) words.push(flag, String(value));
  };
  add("--agent", target.agents?.join(","));
  add("--target", target.selector);
  if (target.all) words.push("--all");
  add("--sample", target.sample);
  add("--seed", target.seed);
  if (job.require_online) words.push("--require-online");
  for (const [name, value] of Object.entries(parameters)) {
    add("--param", `${name}=${parameterText(value)}`);
  }
  add("--timeout", time(job.timeout_seconds));
  add("--ttl", time(job.ttl_seconds));
  add("--batch", rollout.batch);
  if (rollout.waves && rollout.batch_pause_seconds === undefined) words.push("--waves");
  add("--batch-pause", time(rollout.batch_pause_seconds));
  add("--canary", rollout.canary);
  add("--canary-pause", time(rollout.canary_pause_seconds));
  add("--max-failures", rollout.max_failures);
  if (job.priority !== "normal") add("--priority", job.priority);
  add("--reason", job.reason);
  return words.map(quoted).join(" ");
}

/** A text that could be read as JSON is written as JSON. */
function parameterText(value: unknown): string {
  if (typeof value !== "string") return JSON.stringify(value);
  try {
    JSON.parse(value);
    return JSON.stringify(value);
  } catch {
    return value;
  }
}

function time(seconds: number | undefined): string | undefined {
  return seconds === undefined ? undefined : `${seconds}s`;
}
