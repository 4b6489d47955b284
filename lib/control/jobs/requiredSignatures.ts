/** Refuses a schedule whose every run an agent would refuse, because it lacks signatures. */
import type { JobRequest } from "../../protocol/api/jobs.ts";
import type { SignedScheduleRequest } from "../../protocol/api/schedules.ts";
import type { Capability } from "../../protocol/api/views.ts";
import { WsctlError } from "../../protocol/errors.ts";

/**
 * Compares the ids of the keys that have signed with those that the agents have announced. Only the
 * agents can verify the signatures.
 *
 * @param find returns the commands of an agent; undefined if it has not announced them
 * @throws {WsctlError} CONFLICT
 */
export function assertSignatures(
  { command, force }: Pick<JobRequest, "command" | "force">,
  agents: readonly string[],
  signed: SignedScheduleRequest | undefined,
  find: (agentId: string) => ReadonlyMap<string, Capability> | undefined,
): void {
  if (force) return;
  const byAgent = new Map(signed?.agents.map(({ agent, signatures }) => [agent, signatures]));
  for (const agent of agents) {
    const rule = find(agent)?.get(command)?.signatures;
    if (rule === undefined) continue;
    const given = new Set((byAgent.get(agent) ?? []).map(({ key }) => key));
    const count = rule.keys.filter((key) => given.has(key)).length;
    if (count >= rule.count) continue;
    const fault = `agent "${agent}" requires signed commands`;
    if (rule.keys.length === 0) throw refusal(`${fault}, and trusts no key for "${command}"`);
    const keys = rule.keys.join(", ");
    const needs = `${rule.count} of its keys ${keys} must sign "${command}", and ${count} did`;
    throw refusal(`${fault}: ${needs}. Add --sign KEY, or leave the agent out`);
  }
}

function refusal(text: string): WsctlError {
  return new WsctlError("CONFLICT", `Cannot schedule: ${text}. --force creates it all the same`);
}
