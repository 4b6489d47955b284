/** The answer of a thread, in memory that both threads share: its caller can wait for it. */

const textAt = 8;
const bytesTotal = 4096;
/** A reason in an answer must not be longer: each character takes up to six bytes. */
export const reasonCharsMax = 600;

/** Returns memory for one answer. */
export function createSharedAnswer(): SharedArrayBuffer {
  return new SharedArrayBuffer(bytesTotal);
}

/**
 * Writes the answer, and wakes a thread that waits for it.
 *
 * @param answer a small object; `reasonCharsMax` limits its texts
 * @throws {RangeError} if its JSON text is longer than the memory
 */
export function writeSharedAnswer(memory: SharedArrayBuffer, answer: unknown): void {
  const words = new Int32Array(memory, 0, 2);
  const text = new TextEncoder().encode(JSON.stringify(answer));
  new Uint8Array(memory, textAt).set(text);
  words[1] = text.length;
  Atomics.store(words, 0, 1);
  Atomics.notify(words, 0);
}

/** Returns the answer, or undefined while there is none. */
export function readSharedAnswer(memory: SharedArrayBuffer): unknown {
  const words = new Int32Array(memory, 0, 2);
  if (Atomics.load(words, 0) === 0) return undefined;
  const text = Uint8Array.from(new Uint8Array(memory, textAt, words[1]));
  return JSON.parse(new TextDecoder().decode(text));
}

/** Waits for the answer, and blocks this thread meanwhile. */
export function waitForSharedAnswer(memory: SharedArrayBuffer, timeoutMs: number): void {
  Atomics.wait(new Int32Array(memory, 0, 2), 0, 0, timeoutMs);
}
