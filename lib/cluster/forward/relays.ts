/** The WebSockets that a node passes on. When it stops, they move to other nodes one by one. */
import type { Clock } from "../../time/clock.ts";

interface Relay {
  /** Whether an agent is connected, and not an operator. */
  readonly isAgent: boolean;
  /** Closes the connection of the client, which connects to another node. */
  move(): void;
}

/** Few connections move this far apart; many share the time that there is. */
const stepMs = 100;

export class Relays {
  readonly #open = new Set<Relay>();
  #isDraining = false;
  #agentCount = 0;

  /** Whether new connections must go to other nodes. */
  get isDraining(): boolean {
    return this.#isDraining;
  }

  get agentCount(): number {
    return this.#agentCount;
  }

  add(relay: Relay): void {
    if (relay.isAgent && !this.#open.has(relay)) this.#agentCount++;
    this.#open.add(relay);
  }

  delete(relay: Relay): void {
    if (this.#open.delete(relay) && relay.isAgent) this.#agentCount--;
  }

  /**
   * Closes one connection after the other, and takes no new ones.
   *
   * @param timeoutMs when the last one is closed at the latest
   * @returns how many there were
   */
  async drain(clock: Pick<Clock, "after" | "now">, timeoutMs: number): Promise<number> {
    this.#isDraining = true;
    const moving = [...this.#open];
    const startedAt = clock.now();
    const eachMs = Math.min(stepMs, timeoutMs / Math.max(1, moving.length));
    let moved = 0;
    while (moved < moving.length) {
      // Timers are too coarse for thousands: each turn moves as many as are due.
      const due = Math.floor((clock.now() - startedAt) / eachMs) + 1;
      for (const relay of moving.slice(moved, due)) relay.move();
      moved = Math.min(due, moving.length);
      await new Promise<void>((resolve) => clock.after(Math.max(1, eachMs), resolve));
    }
    return moving.length;
  }
}
