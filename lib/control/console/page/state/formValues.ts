/**
 * What the forms of schedules, templates, saved targets and webhooks mean, checked by the schemas
 * of the API. Pure functions.
 */
import * as v from "valibot";
import { WebhookRequest } from "../../../../protocol/api/events.ts";
import type { JobRequestInput } from "../../../../protocol/api/jobs.ts";
import { ScheduleRequest, type ScheduleRequestInput } from "../../../../protocol/api/schedules.ts";
import { SavedTargetRequest } from "../../../../protocol/api/target.ts";
import { TemplateRequest, type TemplateRequestInput } from "../../../../protocol/api/templates.ts";
import { formatIssue } from "../../../../protocol/schemaError.ts";
import { nextAfter } from "../../../../timing/dueTimes.ts";
import { tryParse } from "./filter.ts";
import { readSeconds } from "./runChoice.ts";

/** The texts of the fields, by their names. */
export type Texts = Readonly<Record<string, string>>;

export type FormValue<T> = { value: T; error: "" } | { value: undefined; error: string };

/** Returns the value if the API would accept it; otherwise what is wrong with it. */
function checked<T>(schema: v.GenericSchema<unknown>, value: T): FormValue<T> {
  const parsed = v.safeParse(schema, value);
  return parsed.success ? { value, error: "" } : wrong(formatIssue(parsed.issues[0]));
}

function wrong(error: string): { value: undefined; error: string } {
  return { value: undefined, error };
}

export function scheduleOf(texts: Texts, job: JobRequestInput): FormValue<ScheduleRequestInput> {
  const { value: timing, error } = timingOf(texts);
  if (timing === undefined) return wrong(error);
  const { name = "", concurrency = "forbid", jitter = "", deadline = "" } = texts;
  if (name === "") return wrong("name is required");
  const jitterSeconds = jitter === "" ? 0 : readSeconds(jitter);
  if (Number.isNaN(jitterSeconds)) return wrong("jitter must be a time such as 30s or 5m");
  const isKept = deadline.trim() === "none";
  const deadlineSeconds = isKept ? null : deadline === "" ? undefined : readSeconds(deadline);
  if (Number.isNaN(deadlineSeconds)) return wrong("starting deadline must be a time, or none");
  return checked(ScheduleRequest, {
    name,
    timing,
    job,
    concurrency_policy: concurrency as "forbid" | "allow" | "replace",
    ...(jitterSeconds === 0 ? {} : { jitter_seconds: jitterSeconds }),
    ...(deadlineSeconds === undefined ? {} : { starting_deadline_seconds: deadlineSeconds }),
  });
}

export function timingOf(texts: Texts): FormValue<ScheduleRequestInput["timing"]> {
  const { when = "cron", cron = "", zone = "", every = "", at = "" } = texts;
  if (when === "every") {
    const seconds = readSeconds(every);
    if (every === "") return wrong("interval is required");
    if (Number.isNaN(seconds)) return wrong("interval must be a time such as 15m, 2h or 1d");
    return { value: { every_seconds: seconds }, error: "" };
  }
  if (when === "at") {
    if (at === "") return wrong("time is required");
    const moment = Date.parse(at);
    if (Number.isNaN(moment)) return wrong("time must be a date and a time");
    return { value: { at: new Date(moment).toISOString() }, error: "" };
  }
  if (cron.trim() === "") return wrong("cron is required");
  const timing = { cron: cron.trim(), ...(zone.trim() === "" ? {} : { time_zone: zone.trim() }) };
  return { value: timing, error: "" };
}

/**
 * The next times at which the timing is due, at most `count`; the error says why there is none.
 *
 * @param now milliseconds since 1970
 */
export function nextTimes(
  timing: ScheduleRequestInput["timing"],
  now: number,
  count: number,
): { times: Date[]; error: string } {
  const full = "cron" in timing ? { ...timing, time_zone: timing.time_zone ?? "UTC" } : timing;
  const times: Date[] = [];
  try {
    for (let after = now; times.length < count; ) {
      const next = nextAfter(full, now, after);
      if (next === undefined) break;
      times.push(new Date(next));
      after = next;
    }
  } catch (error) {
    return { times: [], error: (error as Error).message };
  }
  return { times, error: times.length === 0 ? "No time is left at which it would run" : "" };
}

export function templateOf(
  texts: Texts,
  job: TemplateRequestInput["job"],
): FormValue<TemplateRequestInput> {
  const { name = "", description = "", prompts = "" } = texts;
  if (name === "") return wrong("name is required");
  return checked(TemplateRequest, {
    name,
    ...(description.trim() === "" ? {} : { description: description.trim() }),
    job,
    prompts: Object.fromEntries(promptNames(prompts).map((each) => [each, {}])),
  });
}

/** The parameters that each run of a template fills in. */
export function promptNames(text: string): string[] {
  return [...new Set(text.split(/[\s,]+/).filter(Boolean))];
}

export function savedTargetOf(texts: Texts): FormValue<{ name: string; selector: string }> {
  const { name = "", selector = "" } = texts;
  if (name === "") return wrong("name is required");
  if (selector.trim() === "") return wrong("selector is required");
  const { error } = tryParse(selector);
  if (error !== "") return wrong(error);
  return checked(SavedTargetRequest, { name, selector });
}

export function webhookOf(
  texts: Texts,
  events: readonly WebhookRequest["events"][number][],
): FormValue<WebhookRequest> {
  const { name = "", url = "" } = texts;
  if (name === "") return wrong("name is required");
  if (url === "") return wrong("url is required");
  if (events.length === 0) return wrong("one event is required");
  return checked(WebhookRequest, { name, url, events: [...events] });
}

/** What is still to be filled in is no mistake. */
export function isMissing(error: string): boolean {
  return error.endsWith(" is required");
}
