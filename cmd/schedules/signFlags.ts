/** The flags that sign a schedule, and the bounds that its signatures have. */
import type { ArgsDef } from "citty";
import type { Client } from "../../lib/client/client.ts";
import type { ScheduleSpec } from "../../lib/protocol/api/schedules.ts";
import { timeoutSecondsDefault, ttlSecondsDefault } from "../../lib/protocol/limits.ts";
import { timestamp } from "../../lib/protocol/timestamp.ts";
import { isBounded, signedDaysMax, signedRunsMax } from "../../lib/protocol/wire/signedSchedule.ts";
import { countDueTimes } from "../../lib/timing/dueTimes.ts";
import { usage } from "../cli/strictArgs.ts";
import { type ConfirmFlags, requireConfirmation } from "../flags/target.ts";
import { wholeNumber } from "../flags/values.ts";
import { sendFlags } from "../jobs/sendJob.ts";
import type { ScheduleBounds, ScheduleDraft } from "../signing/signSchedule.ts";
import { parseFutureMoment } from "./scheduleTiming.ts";

export const signArgs = {
  sign: sendFlags.sign,
  "passphrase-file": sendFlags["passphrase-file"],
  "not-before": {
    type: "string",
    valueHint: "TIME",
    description: "with --sign: no run is due earlier; default: now",
  },
  "not-after": {
    type: "string",
    valueHint: "TIME",
    description: `with --sign: no run starts later, at most ${signedDaysMax} days after --not-before`,
  },
  "max-runs": {
    type: "string",
    valueHint: "COUNT",
    description: "with --sign: runs that each agent starts; default: all that are due until then",
  },
  save: {
    type: "string",
    valueHint: "FILE",
    description: "write the signed schedule to this file instead of creating it",
  },
} as const satisfies ArgsDef;

export interface SignFlags {
  sign: string[];
  "passphrase-file"?: string | undefined;
  "not-before"?: string | undefined;
  "not-after"?: string | undefined;
  "max-runs"?: string | undefined;
  save?: string | undefined;
}

/** @throws {WsctlError} USAGE if a flag needs --sign, or a signed schedule cannot have it. */
export function checkSignFlags(flags: SignFlags & { template?: string | undefined }): void {
  if (flags.sign.length > 0) {
    if (flags.template === undefined) return;
    throw usage("Flag --sign and --template cannot be combined: write COMMAND and its parameters");
  }
  const names = ["passphrase-file", "not-before", "not-after", "max-runs", "save"] as const;
  const given = names.find((name) => flags[name] !== undefined);
  if (given !== undefined) throw usage(`Flag --${given} needs --sign KEY`);
}

/**
 * Signs the schedule for exactly the agents that its target selects now.
 *
 * @throws {WsctlError} USAGE with the invalid flag, or NO_MATCH if the target selects no agent
 */
export async function signByFlags(
  spec: ScheduleDraft,
  flags: SignFlags & ConfirmFlags,
  client: Client,
): Promise<Omit<ScheduleSpec, "template">> {
  if (spec.starting_deadline_seconds === null) {
    throw usage("Flag --sign needs a --starting-deadline: signed runs must not start at any time");
  }
  const bounds = parseBounds(spec, flags);
  const { target, require_online = false, command } = spec.job;
  const meant = await client.targets({ target, require_online });
  await requireConfirmation(flags, command, meant);
  const agents = meant.agents.map(({ agent_id }) => agent_id);
  const timeout = spec.job.timeout_seconds ?? (await findTimeout(command, agents, client));
  const { loadSigners } = await import("../signing/keyFiles.ts");
  const { signSchedule } = await import("../signing/signSchedule.ts");
  const signers = await loadSigners(flags.sign, flags["passphrase-file"]);
  const complete = { ...spec, job: { ...spec.job, timeout_seconds: timeout } };
  return signSchedule(complete, agents, bounds, signers);
}

function parseBounds(spec: ScheduleDraft, flags: SignFlags): ScheduleBounds {
  const { "not-before": from, "not-after": until, "max-runs": most } = flags;
  const not_before =
    from === undefined ? timestamp(Date.now()) : parseFutureMoment("not-before", from);
  const not_after =
    until === undefined ? endOfSingleRun(spec) : parseFutureMoment("not-after", until);
  if (Date.parse(not_after) <= Math.max(Date.parse(not_before), Date.now())) {
    throw usage(
      `Flag --not-after is ${not_after}: it must be in the future, and after --not-before`,
    );
  }
  if (!isBounded({ not_before, not_after })) {
    const most = `at most ${signedDaysMax} days after --not-before`;
    throw usage(`Flag --not-after is ${not_after}: it must be ${most}, which is ${not_before}`);
  }
  const max_runs =
    most === undefined
      ? countRuns(spec, not_before, not_after)
      : wholeNumber("max-runs", most, 1, signedRunsMax);
  return { not_before, not_after, max_runs };
}

/** A single run ends by itself: when its delays have passed. */
function endOfSingleRun({ timing, jitter_seconds = 0, ...spec }: ScheduleDraft): string {
  if (!("at" in timing)) {
    throw usage("Flag --sign needs --not-after TIME: signatures must not be valid for ever");
  }
  const { starting_deadline_seconds: deadline, job } = spec;
  const seconds = jitter_seconds + (deadline ?? 0) + (job.ttl_seconds ?? ttlSecondsDefault);
  return timestamp(Date.parse(timing.at) + seconds * 1000);
}

function countRuns({ timing }: ScheduleDraft, notBefore: string, notAfter: string): number {
  const [begin, through] = [Date.parse(notBefore), Date.parse(notAfter)];
  const full = "cron" in timing ? { ...timing, time_zone: timing.time_zone ?? "UTC" } : timing;
  const count = countDueTimes(full, begin, { after: begin - 1, through, max: signedRunsMax + 1 });
  if (count === 0) throw usage(`Cannot sign: no run is due from ${notBefore} to ${notAfter}`);
  if (count <= signedRunsMax) return count;
  const text = `more than ${signedRunsMax} runs are due from ${notBefore} to ${notAfter}`;
  throw usage(`Cannot sign: ${text}. Specify --max-runs, or an earlier --not-after`);
}

/** The timeout is signed, so it is what the agents have announced for the command. */
async function findTimeout(
  command: string,
  agents: readonly string[],
  client: Client,
): Promise<number> {
  const found: number[] = [];
  for (const agent of agents) {
    const { commands = [] } = await client.agent(agent);
    found.push(commands.find(({ name }) => name === command)?.timeout_seconds ?? 0);
  }
  return Math.max(...found) || timeoutSecondsDefault;
}
