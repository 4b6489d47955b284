/**
 * A kind of command that runs as a program outside of the agent: what it has, and what that comes
 * to.
 */
import type { CatalogueEntry } from "../../protocol/api/views.ts";
import type { Checked } from "../core/admission.ts";
import type { Wanted } from "./runSpec.ts";

export interface ProgramKind {
  /** As it is announced. */
  entries(): CatalogueEntry[];
  /** Undefined where the command is none of this kind. */
  resolve(command: string, parameters: unknown): Resolved | undefined;
}

/** A program to run and within which limits, or why not. */
export type Resolved = Runnable | Refused;

export interface Runnable {
  wanted: Wanted;
  limits?: Pick<Checked & { code?: never }, "timeoutMs" | "concurrency" | "isCancellable">;
  refused?: never;
}

export interface Refused {
  wanted?: never;
  limits?: never;
  refused: Checked & { code: string };
}

export function refuse(code: Refused["refused"]["code"], message: string): Refused {
  return { refused: { code, message } };
}
