/**
 * The supervisor's side of live output. All output goes into the spool. While a subscriber lags
 * behind, the supervisor does not read the program's pipes, so that the program blocks like one
 * whose terminal does not scroll. A silent subscriber blocks nothing.
 */
import type { Socket } from "node:net";
import type { Readable } from "node:stream";
import { subscriptionLeaseMs } from "../../../protocol/limits.ts";
import type { StreamName } from "../../../protocol/wire/outputFrame.ts";
import { msgWrote } from "../runFiles.ts";
import { SpoolWriter } from "./outputSpool.ts";

/** The agent that started the run connects within this time, unless it has ended. */
const socketAppearTimeoutMs = 5_000;
/** The spool space for a program that no longer waits for a subscriber, in bytes. */
const spareBytes = 4 * 1024 * 1024;

export class OutputBackpressure {
  readonly #spool: SpoolWriter;
  readonly #sources = new Set<Readable>();
  /** The sequence up to which all subscribers have read; undefined if there are none. */
  #taken: number | undefined = 0;
  /** The agent, if it waits for output after the sequence that it has seen. */
  #waiting: { socket: Socket; seen: number } | undefined;
  #lease: NodeJS.Timeout | undefined;
  /**
   * Whether the writer may be blocked: `left` after the program ended, `stopping` while it is
   * stopped.
   */
  #phase: "running" | "left" | "stopping" = "running";
  #spare = spareBytes;

  /** Until the agent has reported its subscribers, the program is blocked as if there were one. */
  constructor(dir: string) {
    this.#spool = new SpoolWriter(dir);
    this.#lease = setTimeout(() => this.stopWaiting(), socketAppearTimeoutMs);
  }

  /** Spools a stream from now on, and passes each chunk to `onChunk`. */
  take(source: Readable, stream: StreamName, onChunk: (chunk: Buffer) => void): void {
    if (this.#phase === "left") this.#phase = "running";
    this.#sources.add(source);
    source.once("close", () => this.#sources.delete(source));
    source.on("data", (chunk: Buffer) => {
      onChunk(chunk);
      const isLate = this.#isLate;
      if (isLate && this.#phase !== "running") this.#spare -= chunk.length;
      this.#spool.add(stream, chunk, isLate && (this.#phase !== "stopping" || this.#spare > 0));
      if (this.#isHeld) for (const each of this.#sources) each.pause();
      this.#notify();
    });
  }

  /**
   * The program has ended: reads what is left in its pipes, without dropping earlier output. A
   * daemon that continues to write is not waited for.
   */
  drain(): void {
    if (this.#phase !== "running") return;
    this.#phase = "left";
    this.#spare = spareBytes;
    this.#resume();
  }

  /**
   * The program is being stopped. It no longer waits for a subscriber, because a blocked write
   * would keep it from ending.
   */
  unsubscribe(): void {
    this.#phase = "stopping";
    this.#spare = spareBytes;
    this.#resume();
  }

  /**
   * Handles the progress of the subscribers.
   * @param taken The sequence up to which all subscribers have read.
   * @param seen The sequence up to which the agent has seen the output.
   */
  onDrained(taken: number, seen: number, socket: Socket): void {
    if (!Number.isSafeInteger(taken) || !Number.isSafeInteger(seen)) return;
    this.#taken = taken;
    this.#waiting = { socket, seen };
    clearTimeout(this.#lease);
    this.#lease = setTimeout(() => this.stopWaiting(), subscriptionLeaseMs);
    this.#resume();
    this.#notify();
  }

  /** There are no subscribers, or the last one is silent. */
  stopWaiting(): void {
    clearTimeout(this.#lease);
    this.#taken = undefined;
    this.#waiting = undefined;
    this.#resume();
  }

  /** Whether a subscriber lags so far behind that it would miss output. */
  get #isLate(): boolean {
    return this.#taken !== undefined && this.#spool.isFull(this.#taken);
  }

  /** Whether the writer waits for a subscriber. */
  get #isHeld(): boolean {
    const mayWait = this.#phase === "running" || (this.#phase === "left" && this.#spare <= 0);
    return mayWait && this.#isLate;
  }

  /** Stops reading, and returns the sequence of the last chunk. */
  end(): number {
    clearTimeout(this.#lease);
    this.#spool.end();
    return this.#spool.last;
  }

  #resume(): void {
    if (!this.#isHeld) for (const source of this.#sources) source.resume();
  }

  #notify(): void {
    if (this.#waiting === undefined || this.#spool.last <= this.#waiting.seen) return;
    this.#waiting.socket.write(`${msgWrote}\n`);
    this.#waiting = undefined;
  }
}
