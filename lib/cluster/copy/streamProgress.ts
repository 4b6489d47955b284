/** Waits until a copy has what the stream had at some moment. */
import { WsctlError } from "../../protocol/errors.ts";
import type { Clock } from "../../time/clock.ts";

/** A copy that does not go on for this long has lost its way. */
const progressMs = 15_000;
/** A consumer that hands on nothing for this long may be gone with its server: there is a new one. */
const stuckMs = 500;

export interface ProgressOptions {
  clock: Pick<Clock, "after">;
  /** The last message of the stream that the copy has seen. */
  seen(): number;
  /** Follows the stream from there with a new consumer. */
  follow(): Promise<void>;
}

export class StreamProgress {
  readonly #options: ProgressOptions;
  readonly #waiting = new Set<{
    position: number;
    resolve(): void;
    reject(error: WsctlError): void;
  }>();

  constructor(options: ProgressOptions) {
    this.#options = options;
  }

  /** The copy has seen more. */
  advanced(): void {
    for (const each of this.#waiting) {
      if (each.position > this.#options.seen()) continue;
      this.#waiting.delete(each);
      each.resolve();
    }
  }

  /** The copy sees no more. */
  reject(error: WsctlError): void {
    for (const { reject } of this.#waiting) reject(error);
    this.#waiting.clear();
  }

  /** @throws {WsctlError} UNAVAILABLE if nothing comes for a while */
  async until(position: number): Promise<void> {
    const { clock, follow } = this.#options;
    if (this.#options.seen() >= position) return;
    let [seen, stuckForMs] = [this.#options.seen(), 0];
    const watch = () => {
      stuckForMs = this.#options.seen() === seen ? stuckForMs + stuckMs : 0;
      seen = this.#options.seen();
      if (stuckForMs >= progressMs) {
        const text = `The log of the cluster does not go on after message ${seen} of ${position}`;
        return this.reject(new WsctlError("UNAVAILABLE", text));
      }
      if (stuckForMs > 0) follow().catch(() => {});
      cancel = clock.after(stuckMs, watch);
    };
    let cancel = clock.after(stuckMs, watch);
    try {
      await new Promise<void>((resolve, reject) => {
        this.#waiting.add({ position, resolve, reject });
      });
    } finally {
      cancel();
    }
  }
}
