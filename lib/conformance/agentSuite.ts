/** The checks of an agent, in the order in which they are run on one agent. */
import { acceptedForms } from "./agentChecks/acceptedForms.ts";
import { commandChecks } from "./agentChecks/commands.ts";
import { connectionChecks, reconnectChecks } from "./agentChecks/connection.ts";
import { envelopeChecks } from "./agentChecks/envelope.ts";
import { livenessChecks } from "./agentChecks/liveness.ts";
import { refusalChecks } from "./agentChecks/refusals.ts";
import type { AgentSession } from "./agentSession.ts";
import { type Check, type CheckResult, runChecks } from "./check.ts";

/** Checks that end the connection come late, and those that judge all that was sent come last. */
export const agentChecks: readonly Check<AgentSession>[] = [
  ...connectionChecks,
  ...livenessChecks,
  ...commandChecks,
  ...acceptedForms,
  ...refusalChecks,
  ...reconnectChecks,
  ...envelopeChecks,
];

/** Runs the checks on the agent that connects to the session. */
export function runAgentSuite(
  session: AgentSession,
  onResult: (result: CheckResult) => void = () => {},
): Promise<CheckResult[]> {
  return runChecks(agentChecks, session, onResult);
}
