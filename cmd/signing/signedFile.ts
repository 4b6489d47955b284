/** Files with a signed job or a signed schedule, to which others add their signatures. */
import * as v from "valibot";
import { writeFileAtomically } from "../../lib/files/atomicWrite.ts";
import { readTextFile } from "../../lib/files/readText.ts";
import { JobRequest } from "../../lib/protocol/api/jobs.ts";
import { ScheduleSpec } from "../../lib/protocol/api/schedules.ts";
import { errorText } from "../../lib/protocol/errors.ts";
import { formatIssue } from "../../lib/protocol/schemaError.ts";
import { usage } from "../cli/strictArgs.ts";
import { quantity } from "../output/quantity.ts";
import type { Signer } from "./signer.ts";
import { addSignatures } from "./signJob.ts";
import * as signedSchedule from "./signSchedule.ts";

/**
 * Reads a signed job.
 *
 * @throws {WsctlError} USAGE if it is invalid
 */
export function readSignedJob(path: string): JobRequest {
  const value = readJson(path, "job");
  if (isSchedule(value)) {
    const advice = `create it with "wsctl schedules create --signed ${path}"`;
    throw usage(`"${path}" has a schedule, not a job: ${advice}`);
  }
  return parseSigned(path, "job", JobRequest, value, "wsctl send COMMAND --sign KEY --save FILE");
}

/**
 * Reads a signed schedule.
 *
 * @throws {WsctlError} USAGE if it is invalid
 */
export function readSignedSchedule(path: string): ScheduleSpec {
  const value = readJson(path, "schedule");
  if (!isSchedule(value)) {
    throw usage(`"${path}" has no schedule: if it is a job, use "wsctl jobs create ${path}"`);
  }
  const creation = "wsctl schedules create NAME COMMAND --sign KEY --save FILE";
  return parseSigned(path, "schedule", ScheduleSpec, value, creation);
}

/**
 * Writes a signed job or schedule, for this user alone.
 *
 * @throws {WsctlError} USAGE if it cannot be written; a file that was there is unchanged then
 */
export function writeSigned(path: string, signed: object): void {
  try {
    // The file may have the only copy of the signatures of others.
    writeFileAtomically(path, `${JSON.stringify(signed, null, 2)}\n`);
  } catch (error) {
    throw usage(`Cannot write "${path}": ${errorText(error)}`);
  }
}

/**
 * Adds signatures to the job or the schedule of a file, and returns what the file has then.
 *
 * @throws {WsctlError} USAGE if it is invalid
 */
export async function signFile(path: string, signers: readonly Signer[]): Promise<string> {
  if (!isSchedule(readJson(path, "job"))) {
    const job = await addSignatures(readSignedJob(path), signers);
    writeSigned(path, job);
    const counts = (job.signed?.requests ?? []).map(({ signatures }) => signatures.length);
    return `${path}: ${job.command}, ${quantity(counts.length, "request")}, ${least(counts)}`;
  }
  const spec = await signedSchedule.addSignatures(readSignedSchedule(path), signers);
  writeSigned(path, spec);
  const { name, job, signed } = spec;
  const counts = (signed?.agents ?? []).map(({ signatures }) => signatures.length);
  const runs = `at most ${quantity(signed?.max_runs ?? 0, "run")} until ${signed?.not_after}`;
  const agents = quantity(counts.length, "agent");
  return `${path}: schedule ${name}, ${job.command}, ${agents}, ${runs}, ${least(counts)}`;
}

function least(counts: readonly number[]): string {
  return quantity(Math.min(...counts), "signature");
}

function isSchedule(value: unknown): boolean {
  return typeof value === "object" && value !== null && "timing" in value;
}

function readJson(path: string, what: string): unknown {
  let text: string;
  try {
    text = readTextFile(path);
  } catch (error) {
    throw usage(`Cannot read the signed ${what} "${path}": ${errorText(error)}`);
  }
  try {
    return JSON.parse(text);
  } catch {
    throw usage(`Cannot read the signed ${what} "${path}": it is not JSON`);
  }
}

function parseSigned<Schema extends v.GenericSchema<unknown, { signed?: unknown }>>(
  path: string,
  what: string,
  schema: Schema,
  value: unknown,
  creation: string,
): v.InferOutput<Schema> {
  const parsed = v.safeParse(schema, value);
  const title = `${what[0]?.toUpperCase()}${what.slice(1)}`;
  if (!parsed.success) throw usage(`Signed ${what} "${path}": ${formatIssue(parsed.issues[0])}`);
  if (parsed.output.signed !== undefined) return parsed.output;
  throw usage(`${title} "${path}" is not signed: create a signed ${what} with "${creation}"`);
}
