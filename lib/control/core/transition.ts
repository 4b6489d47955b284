/** The writes and effects of one event at the control plane, with shorthands for common effects. */

import { Transition } from "../../core/transition.ts";
import type { SocketClose } from "../../protocol/wire/closeCodes.ts";
import type { ControlDraft } from "../../protocol/wire/codec.ts";
import type { ControlEffect, ControlWrite } from "./model.ts";

export class ControlTransition extends Transition<ControlWrite, ControlEffect> {
  send(sessionId: number, message: ControlDraft): void {
    this.perform({ type: "send", sessionId, message });
  }

  log(level: "info" | "warn", agent: string, text: string, close?: SocketClose): void {
    this.perform({ type: "log", level, agent, text, ...(close === undefined ? {} : { close }) });
  }
}

/** The part of a transition that the engine executes. */
export type ControlChanges = Pick<ControlTransition, "writes" | "effects">;
