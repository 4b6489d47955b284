/** The command line that does the same as a page. Pure functions. */
import type { WebhookRequest } from "../../../../protocol/api/events.ts";
import type { JobRequestInput } from "../../../../protocol/api/jobs.ts";
import type { ScheduleRequestInput } from "../../../../protocol/api/schedules.ts";
import type { TemplateRequestInput } from "../../../../protocol/api/templates.ts";

/** Quotes a word for a POSIX shell. */
export function quoted(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}

type Value = string | number | undefined;

/** Collects flags that have a value. */
class Words {
  readonly #words: string[];

  constructor(...words: string[]) {
    this.#words = words;
  }

  add(flag: string, value: Value): this {
    if (value !== undefined) this.#words.push(flag, String(value));
    return this;
  }

  mark(flag: string, isSet: boolean | undefined): this {
    if (isSet === true) this.#words.push(flag);
    return this;
  }

  get line(): string {
    return this.#words.map(quoted).join(" ");
  }
}

type Job = Omit<JobRequestInput, "target"> & { target?: JobRequestInput["target"] | undefined };

/** The flags of a job that `send`, `schedules create` and `templates create` share. */
function addJob(words: Words, job: Job, files: readonly string[] = []): Words {
  const { parameters = {}, target = {}, rollout = {} } = job;
  words
    .add("--agent", target.agents?.join(","))
    .add("--target", target.selector)
    .mark("--all", target.all)
    .add("--sample", target.sample)
    .add("--seed", target.seed)
    .mark("--require-online", job.require_online);
  for (const [name, value] of Object.entries(parameters)) {
    if (files.includes(name)) words.add("--file", `${name}=${fileName(value)}`);
    else words.add("--param", `${name}=${parameterText(value)}`);
  }
  return words
    .add("--timeout", time(job.timeout_seconds))
    .add("--ttl", time(job.ttl_seconds))
    .add("--batch", rollout.batch)
    .mark("--waves", rollout.batch_pause_seconds === undefined && rollout.waves)
    .add("--batch-pause", time(rollout.batch_pause_seconds))
    .add("--canary", rollout.canary)
    .add("--canary-pause", time(rollout.canary_pause_seconds))
    .add("--max-failures", rollout.max_failures)
    .add("--priority", job.priority === "normal" ? undefined : job.priority)
    .add("--reason", job.reason);
}

/**
 * The line with `wsctl send` for a job.
 *
 * @param files The names of the parameters that are files.
 */
export function sendLine(job: JobRequestInput, files: readonly string[] = []): string {
  return addJob(new Words("wsctl", "send", job.command), job, files).line;
}

/** The line with `wsctl schedules create`. */
export function scheduleLine(request: ScheduleRequestInput): string {
  const { name, timing, job, jitter_seconds: jitter, concurrency_policy: policy } = request;
  const { starting_deadline_seconds: deadline } = request;
  const words = new Words("wsctl", "schedules", "create", name, job?.command ?? "");
  if (job !== undefined) addJob(words, job);
  if ("cron" in timing) words.add("--cron", timing.cron).add("--time-zone", timing.time_zone);
  else if ("at" in timing) words.add("--at", timing.at);
  else words.add("--every", time(timing.every_seconds));
  return words
    .add("--jitter", time(jitter))
    .add("--starting-deadline", deadline === null ? "none" : time(deadline))
    .add("--concurrency-policy", policy === "forbid" ? undefined : policy).line;
}

/** The line with `wsctl templates create`. */
export function templateLine({ name, description, job, prompts }: TemplateRequestInput): string {
  const words = new Words("wsctl", "templates", "create", name, job.command);
  words.add("--description", description);
  addJob(words, job);
  for (const each of Object.keys(prompts ?? {})) words.add("--prompt", each);
  return words.line;
}

/** The line with `wsctl templates run`. */
export function templateRunLine(
  name: string,
  run: Pick<Job, "target" | "parameters">,
  files: readonly string[],
): string {
  return addJob(new Words("wsctl", "templates", "run", name), { command: "", ...run }, files).line;
}

/** The line with `wsctl targets create`. */
export function savedTargetLine({ name, selector }: { name: string; selector: string }): string {
  return new Words("wsctl", "targets", "create", name).add("--target", selector).line;
}

/** The line with `wsctl webhooks create`. */
export function webhookLine({ name, url, events }: WebhookRequest): string {
  const words = new Words("wsctl", "webhooks", "create", name);
  return words.add("--url", url).add("--events", events.join(",")).line;
}

function fileName(value: unknown): string {
  const { name } = (value ?? {}) as { name?: unknown };
  return typeof name === "string" ? name : "PATH";
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
