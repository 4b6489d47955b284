/**
 * Ends the work of a control plane whose agents know a newer one, and reports one that has lost
 * entries of its log.
 */
import { WsctlError } from "../../../protocol/errors.ts";
import { timestamp } from "../../../protocol/timestamp.ts";
import type { ControlDraft } from "../../../protocol/wire/codec.ts";
import type { Lineage } from "./controlLineage.ts";

export interface LineageGuardOptions {
  lineage: { issue(): string; judge(text: string): Lineage };
  /** Called once, with the time at which the newer control plane was restored. */
  superseded(by: number): void;
  /** Called once: the log had entries up to this one, and an agent knows that. */
  setBack(sequence: number, agentId: string): void;
}

export class LineageGuard {
  readonly #options: LineageGuardOptions;
  #isSuperseded = false;
  #isSetBack = false;

  constructor(options: LineageGuardOptions) {
    this.#options = options;
  }

  /** Completes a message to an agent. Returns undefined if nothing may be sent any more. */
  complete(message: ControlDraft): ControlDraft | undefined {
    if (this.#isSuperseded) return undefined;
    if (message.type !== "welcome") return message;
    return { ...message, payload: { ...message.payload, lineage: this.#options.lineage.issue() } };
  }

  judge({ agentId, lineage: text }: { agentId: string; lineage: string }): void {
    const { lineage, superseded, setBack } = this.#options;
    const found = lineage.judge(text);
    if (found.kind === "superseded" && !this.#isSuperseded) {
      this.#isSuperseded = true;
      superseded(found.restoredAt);
    } else if (found.kind === "set_back" && !this.#isSetBack) {
      this.#isSetBack = true;
      setBack(found.sequence, agentId);
    }
  }
}

/** The error of a control plane from which another one has taken over. */
export function supersededError(by: number): WsctlError {
  const reason = `a control plane that was restored at ${timestamp(by)} from its backup has taken over`;
  const advice =
    "Use that one. To go on with this one, stop that one, and start this one once with --takeover";
  return new WsctlError("CONFLICT", `Cannot serve: ${reason}. ${advice}`);
}
