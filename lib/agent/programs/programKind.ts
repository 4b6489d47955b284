/**
 * A kind of command that runs as a program outside of the agent: what it has, and what that comes
 * to.
 */
import type { Capability } from "../../protocol/api/views.ts";
import type { CheckResult } from "../core/admission.ts";
import type { RunInput } from "./runSpec.ts";

export interface ProgramKind {
  /** As it is announced. */
  entries(): Capability[];
  /** Undefined where the command is none of this kind. */
  resolve(command: string, parameters: unknown): ResolvedProgram | undefined;
}

/** A program to run and within which limits, or why not. */
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
