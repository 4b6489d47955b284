/**
 * What this agent can do, as it is announced: a digest on every greeting and whenever it changes,
 * and the capabilities itself where the control plane does not know it yet. Pure; looking is done
 * outside, when it is asked for.
 */
import type { AgentEvent } from "./model.ts";
import type { OutboxConnection } from "./responseOutbox.ts";
import type { AgentTransition } from "./transition.ts";

export class CapabilityAnnouncer {
  /** As it was seen last; undefined before the first look. */
  #digest: string | undefined;
  #isTextRequested = false;

  get digest(): string | undefined {
    return this.#digest;
  }

  /** The control plane does not know the capabilities of this digest. */
  requested(t: AgentTransition): void {
    this.#isTextRequested = true;
    t.perform({ type: "readCapabilities", isTextWanted: true });
  }

  /** The capabilities as it stands. */
  onCapabilities(
    event: AgentEvent & { type: "capabilitiesRead" },
    connection: OutboxConnection | undefined,
    t: AgentTransition,
  ): void {
    const { digest, text } = event;
    const isSame = digest === this.#digest;
    this.#digest = digest;
    const isAsked = this.#isTextRequested && text !== undefined;
    if (!connection?.isExtended || (isSame && !isAsked)) return;
    if (isAsked) this.#isTextRequested = false;
    const payload = { digest, ...(isAsked ? { text } : {}) };
    const message = { type: "capabilities", payload } as const;
    t.send(connection.link, message);
  }
}
