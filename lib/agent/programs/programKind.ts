/**
 * A kind of command that runs as a program outside the agent. It lists and resolves its commands.
 */
import type { Capability } from "../../protocol/api/views.ts";
import type { CheckResult } from "../core/admission.ts";
import type { RunInput } from "./runSpec.ts";

export interface ProgramKind {
  /** Returns the commands as capabilities. */
  entries(): Capability[];
  /** Returns undefined if the command is not of this kind. */
  resolve(command: string, parameters: unknown): ResolvedProgram | undefined;
}

/** A program to run with its limits, or the reason why it cannot run. */
export type ResolvedProgram = RunPlan | Rejection;

export interface RunPlan {
  input: RunInput;
  limits?: Pick<CheckResult & { code?: never }, "timeoutMs" | "concurrency" | "isCancellable">;
  refused?: never;
}

export interface Rejection {
  input?: never;
  limits?: never;
  refused: CheckResult & { code: string };
}

export function reject(code: Rejection["refused"]["code"], message: string): Rejection {
  return { refused: { code, message } };
}
