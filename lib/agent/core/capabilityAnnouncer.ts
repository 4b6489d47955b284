/**
 * What this agent can do, as it is announced: a digest on every greeting and whenever it changes,
 * and the catalogue itself where the control plane does not know it yet. Pure; looking is done
 * outside, when it is asked for.
 */
import type { AgentEvent } from "./model.ts";
import type { Outlet } from "./responseOutbox.ts";
import type { AgentTransition } from "./transition.ts";

export class Announcement {
  /** As it was seen last; undefined before the first look. */
  #digest: string | undefined;
  #isWanted = false;

  get digest(): string | undefined {
    return this.#digest;
  }

  /** The control plane does not know the catalogue of this digest. */
  wanted(t: AgentTransition): void {
    this.#isWanted = true;
    t.perform({ type: "look", isTextWanted: true });
  }

  /** The catalogue as it stands. */
  looked(
    event: AgentEvent & { type: "catalogue" },
    outlet: Outlet | undefined,
    t: AgentTransition,
  ): void {
    const { digest, text } = event;
    const isSame = digest === this.#digest;
    this.#digest = digest;
    const isAsked = this.#isWanted && text !== undefined;
    if (!outlet?.v1 || (isSame && !isAsked)) return;
    if (isAsked) this.#isWanted = false;
    const payload = { digest, ...(isAsked ? { text } : {}) };
    const message = { type: "catalogue", payload } as const;
    t.send(outlet.link, message);
  }
}
