/**
 * The supervisor's side of live output: everything goes into the spool, and while a follower lags
 * behind, the program's pipes are left full, so that it waits like a program whose terminal does
 * not scroll. A follower that has fallen silent holds nothing up.
 */
import type { Socket } from "node:net";
import type { Readable } from "node:stream";
import { subscriptionLeaseMs } from "../../protocol/limits.ts";
import { SpoolWriter, type StreamName } from "./outputSpool.ts";
import { msgWrote } from "./runFiles.ts";

/** An agent that started a run is heard of within this time, or has died meanwhile. */
const socketAppearTimeoutMs = 5_000;
/** What is kept beyond the spool of a program that waits for nobody any more, in bytes. */
const spareBytes = 4 * 1024 * 1024;

export class OutputBackpressure {
  readonly #spool: SpoolWriter;
  readonly #sources = new Set<Readable>();
  /** Up to which piece followers have taken everything; undefined while there are none. */
  #taken: number | undefined = 0;
  /** Wants to be told that there is more than it has seen. */
  #waiting: { socket: Socket; seen: number } | undefined;
  #lease: NodeJS.Timeout | undefined;
  /** Whether what is written now can still wait: it was left behind, or is said while stopped. */
  #phase: "running" | "left" | "stopping" = "running";
  #spare = spareBytes;

  /** Until the agent has said whether anybody follows, the program is held as if somebody did. */
  constructor(dir: string) {
    this.#spool = new SpoolWriter(dir);
    this.#lease = setTimeout(() => this.stopWaiting(), socketAppearTimeoutMs);
  }

  /** Spools a stream from now on; `onChunk` is handed all of it as well. */
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
   * The program has ended: what it left in its pipes is all taken, and nothing pushed out for it. A
   * daemon that goes on writing is left to itself.
   */
  drain(): void {
    if (this.#phase !== "running") return;
    this.#phase = "left";
    this.#spare = spareBytes;
    this.#resume();
  }

  /**
   * The program is being stopped: a write that waits for a follower would keep it from ending, so
   * it waits for nobody from now on.
   */
  unsubscribe(): void {
    this.#phase = "stopping";
    this.#spare = spareBytes;
    this.#resume();
  }

  /**
   * A follower has taken everything up to the one piece, has seen all up to the other, and wants to
   * be told of more.
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

  /** Nobody follows, or whoever did has fallen silent. */
  stopWaiting(): void {
    clearTimeout(this.#lease);
    this.#taken = undefined;
    this.#waiting = undefined;
    this.#resume();
  }

  /** Whether a follower lags so far behind that it would miss something. */
  get #isLate(): boolean {
    return this.#taken !== undefined && this.#spool.isFull(this.#taken);
  }

  /** Whether whoever writes waits for a follower. */
  get #isHeld(): boolean {
    const mayWait = this.#phase === "running" || (this.#phase === "left" && this.#spare <= 0);
    return mayWait && this.#isLate;
  }

  /** Nothing more is taken; the number of the last piece. */
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
