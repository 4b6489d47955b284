/** Signs a schedule: a signature of each key for each agent of its target. */
import { v7 as newId } from "uuid";
import * as v from "valibot";
import { ScheduleOrder, scheduleTerms } from "../../lib/protocol/api/schedules.ts";
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
export type PlainOrder = Omit<v.InferInput<typeof ScheduleOrder>, "template">;

/**
 * Returns the schedule for exactly these agents, signed for each of them.
 *
 * @throws {WsctlError} USAGE if the bounds are invalid
 */
export async function signSchedule(
  order: PlainOrder,
  agents: readonly string[],
  bounds: ScheduleBounds,
  signers: readonly Signer[],
): Promise<Omit<ScheduleOrder, "template">> {
  const parsed = v.safeParse(ScheduleOrder, order);
  if (!parsed.success) throw usage(`Cannot sign: ${formatIssue(parsed.issues[0])}`);
  const { template: _none, ...rest } = parsed.output;
  const plain = { ...rest, job: { ...rest.job, target: { agents: [...agents] } } };
  const unsigned = agents.map((agent) => ({ agent, signatures: [] }));
  const signed = { schedule_id: newId(), ...bounds, agents: unsigned };
  const complete = await addSignatures({ ...plain, signed }, signers);
  const checked = v.safeParse(ScheduleOrder, complete);
  if (!checked.success) throw usage(`Cannot sign: ${formatIssue(checked.issues[0])}`);
  return complete;
}

/** Returns the schedule with further signatures. */
export async function addSignatures<Order extends Omit<ScheduleOrder, "template">>(
  order: Order,
  signers: readonly Signer[],
): Promise<Order> {
  const { signed, job } = order;
  if (signed === undefined) return order;
  const { command, parameters = {} } = job;
  const schedule = scheduleTerms(order, signed);
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
  return { ...order, signed: { ...signed, agents } };
}
