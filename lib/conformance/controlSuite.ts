/** The checks of a control plane, in the order in which they are run. */
import { type Check, type CheckResult, runChecks } from "./check.ts";
import { acceptedForms } from "./controlChecks/acceptedForms.ts";
import { commandChecks, commandShapes } from "./controlChecks/commands.ts";
import { connectionChecks, lateChecks } from "./controlChecks/connection.ts";
import { refusalChecks } from "./controlChecks/refusals.ts";
import type { ControlSession } from "./controlSession.ts";

/** Checks that take long come late, and those that judge all that was sent come last. */
export const controlChecks: readonly Check<ControlSession>[] = [
  ...connectionChecks,
  ...acceptedForms,
  ...refusalChecks,
  ...commandChecks,
  ...lateChecks,
  ...commandShapes,
];

/** Runs the checks on a control plane. */
export function runControlSuite(
  session: ControlSession,
  onResult: (result: CheckResult) => void = () => {},
): Promise<CheckResult[]> {
  return runChecks(controlChecks, session, onResult);
}
