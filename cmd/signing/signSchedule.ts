/** Signs a schedule: a signature of each key for each agent of its target. */
import { v7 as newId } from "uuid";
import * as v from "valibot";
import { ScheduleSpec, scheduleTerms } from "../../lib/protocol/api/schedules.ts";
import { formatIssue } from "../../lib/protocol/schemaError.ts";
import type { CommandSignature } from "../../lib/protocol/wire/signedCommand.ts";
import { scheduleBytes } from "../../lib/protocol/wire/signedSchedule.ts";
import { usage } from "../cli/strictArgs.ts";
import type { Signer } from "./signer.ts";

/** What the signatures allow, besides what the schedule says itself. */
export interface ScheduleBounds {
  not_before: string;
  not_after: string;
  max_runs: number;
}

/** A schedule with a job of its own, not that of a template. */
export type ScheduleDraft = Omit<v.InferInput<typeof ScheduleSpec>, "template">;

/**
 * Returns the schedule for exactly these agents, signed for each of them.
 *
 * @throws {WsctlError} USAGE if the bounds are invalid
 */
export async function signSchedule(
  spec: ScheduleDraft,
  agents: readonly string[],
  bounds: ScheduleBounds,
  signers: readonly Signer[],
): Promise<Omit<ScheduleSpec, "template">> {
  const parsed = v.safeParse(ScheduleSpec, spec);
  if (!parsed.success) throw usage(`Cannot sign: ${formatIssue(parsed.issues[0])}`);
  const { template: _none, ...rest } = parsed.output;
  const plain = { ...rest, job: { ...rest.job, target: { agents: [...agents] } } };
  const unsigned = agents.map((agent) => ({ agent, signatures: [] }));
  const signed = { schedule_id: newId(), ...bounds, agents: unsigned };
  const complete = await addSignatures({ ...plain, signed }, signers);
  const checked = v.safeParse(ScheduleSpec, complete);
  if (!checked.success) throw usage(`Cannot sign: ${formatIssue(checked.issues[0])}`);
  return complete;
}

/** Returns the schedule with further signatures. */
export async function addSignatures<Spec extends Omit<ScheduleSpec, "template">>(
  spec: Spec,
  signers: readonly Signer[],
): Promise<Spec> {
  const { signed, job } = spec;
  if (signed === undefined) return spec;
  const { command, parameters = {} } = job;
  const schedule = scheduleTerms(spec, signed);
  const agents: typeof signed.agents = [];
  for (const { agent, signatures: before } of signed.agents) {
    const bytes = scheduleBytes({ agent, command, parameters, schedule });
    const signatures: CommandSignature[] = [...before];
    for (const { publicKey, sign } of signers) {
      if (signatures.some(({ key }) => key === publicKey.id)) continue;
      const signature = Buffer.from(await sign(bytes)).toString("base64url");
      signatures.push({ key: publicKey.id, signature });
    }
    agents.push({ agent, signatures });
  }
  return { ...spec, signed: { ...signed, agents } };
}
