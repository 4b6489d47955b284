/**
 * One job in a session: it sends the lines of a stream while the client has given credit for them
 * and takes what is sent. Otherwise they wait where the stream keeps them: in the journal, or, as
 * live output, at the agent.
 */
import type { LineSource } from "../engine/responseStreams.ts";
import { lineFrames } from "./lineFrames.ts";

export interface SessionJobOptions {
  ref: string;
  source: LineSource;
  /** Bytes that the client takes. */
  credit: number;
  send(text: string): void;
  /** Asks for a turn: `step` is called when the connection takes more. */
  askForTurn(job: SessionJob): void;
  /** The last line was sent. */
  ended(): void;
  failed(error: unknown): void;
}

export class SessionJob {
  readonly #options: SessionJobOptions;
  #credit: number;
  #isStopped = false;
  /** Whether the next step waits for credit. */
  #isHeld = false;

  constructor(options: SessionJobOptions) {
    this.#options = options;
    this.#credit = options.credit;
    options.askForTurn(this);
  }

  /** Gives the job further credit, in bytes. */
  grant(bytes: number): void {
    this.#credit += bytes;
    if (!this.#isHeld || this.#credit <= 0) return;
    this.#isHeld = false;
    this.#options.askForTurn(this);
  }

  /** Ends the lines. Calls may be repeated. */
  stop(): void {
    this.#isStopped = true;
    this.#options.source.close();
  }

  /** Sends the lines that are there. Nothing else runs between the turn and the last of them. */
  step(): void {
    if (this.#isStopped) return;
    if (this.#credit <= 0) {
      this.#isHeld = true;
      return;
    }
    try {
      this.#sendLines();
    } catch (error) {
      this.stop();
      this.#options.failed(error);
    }
  }

  /** What one step of the stream has is sent as a whole, although the credit may not suffice. */
  #sendLines(): void {
    const { ref, source, send, askForTurn, ended } = this.#options;
    const text = source.read();
    const hasEnded = source.isOver;
    for (const frame of lineFrames(ref, text, hasEnded)) {
      this.#credit -= Buffer.byteLength(frame);
      send(frame);
    }
    if (hasEnded) {
      this.stop();
      return ended();
    }
    if (text !== "") return askForTurn(this);
    void source.wait().then(() => askForTurn(this));
  }
}
