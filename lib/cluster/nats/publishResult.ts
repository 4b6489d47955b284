/** The result of a publication, in memory that both threads share. */

const bytesTotal = 1024;
const textAt = 24;
const textBytesMax = bytesTotal - textAt;

/** 0 while the result is open. */
const statuses = { stored: 1, refused: 2, unknown: 3 } as const;
type Status = keyof typeof statuses;

export interface PublishOutcome {
  /**
   * `stored`: the batch is in the stream. `refused`: it is not, because another node has written.
   * `unknown`: NATS did not answer.
   */
  status: Status;
  /** The last sequence of the stream, if the batch is stored. */
  position: number;
  reason: string;
}

export function createPublishResult(): SharedArrayBuffer {
  return new SharedArrayBuffer(bytesTotal);
}

/** Writes the result, and wakes a thread that waits for it. */
export function writePublishResult(memory: SharedArrayBuffer, outcome: PublishOutcome): void {
  const words = new Int32Array(memory, 0, 2);
  new Float64Array(memory, 8, 1)[0] = outcome.position;
  const text = new TextEncoder().encode(outcome.reason).subarray(0, textBytesMax);
  new Uint8Array(memory, textAt).set(text);
  words[1] = text.length;
  Atomics.store(words, 0, statuses[outcome.status]);
  Atomics.notify(words, 0);
}

/** Returns the result, or undefined while it is open. */
export function readPublishResult(memory: SharedArrayBuffer): PublishOutcome | undefined {
  const words = new Int32Array(memory, 0, 2);
  const number = Atomics.load(words, 0);
  if (number === 0) return undefined;
  const names = Object.keys(statuses) as Status[];
  const status = names.find((name) => statuses[name] === number) ?? "unknown";
  const text = Uint8Array.from(new Uint8Array(memory, textAt, words[1]));
  const position = new Float64Array(memory, 8, 1)[0] ?? 0;
  return { status, position, reason: new TextDecoder().decode(text) };
}

/** Waits for the result, and blocks the thread meanwhile. */
export function waitForPublishResult(memory: SharedArrayBuffer, timeoutMs: number): void {
  Atomics.wait(new Int32Array(memory, 0, 2), 0, 0, timeoutMs);
}
