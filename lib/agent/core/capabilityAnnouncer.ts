/**
 * Announces the agent's capabilities: the digest in every `hello` and after each change, and the
 * full list if the control plane does not have the list of this digest. It is pure: the engine
 * reads the capabilities.
 */
import type { AgentEvent } from "./model.ts";
import type { OutboxConnection } from "./responseOutbox.ts";
import type { AgentTransition } from "./transition.ts";

export class CapabilityAnnouncer {
  /** The digest that was read last; undefined before the first read. */
  #digest: string | undefined;
  #isTextRequested = false;

  get digest(): string | undefined {
    return this.#digest;
  }

  /** Handles a control plane that does not have the capabilities of this digest. */
  requested(t: AgentTransition): void {
    this.#isTextRequested = true;
    t.perform({ type: "readCapabilities", isTextWanted: true });
  }

  /** Handles the capabilities that the engine has read. */
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
