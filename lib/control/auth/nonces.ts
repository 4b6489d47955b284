/**
 * Nonces that agents sign, good once and for a minute, and those of logins elsewhere. They carry
 * their own time under a key of this process, so that handing them out to anybody costs no memory;
 * only those that were used with success are remembered, until they have expired.
 */
import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";

const goodMsDefault = 60_000;
const macBytes = 16;

export class Nonces {
  readonly #goodMs: number;
  readonly #usedMax: number;
  readonly #key = randomBytes(32);
  /** By when each expires, in the order of their use. */
  readonly #used = new Map<string, number>();

  /** `usedMax`: of more that were used the oldest are forgotten, where something else knows them. */
  constructor(goodMs = goodMsDefault, usedMax = Number.POSITIVE_INFINITY) {
    this.#goodMs = goodMs;
    this.#usedMax = usedMax;
  }

  make(now: number): string {
    const body = Buffer.alloc(24);
    body.writeDoubleBE(now);
    randomBytes(16).copy(body, 8);
    return Buffer.concat([body, this.#mac(body)]).toString("base64url");
  }

  /** Whether it is one of ours, still good and not used before. */
  isGood(nonce: string, now: number): boolean {
    const bytes = Buffer.from(nonce, "base64url");
    if (bytes.length !== 24 + macBytes) return false;
    const body = bytes.subarray(0, 24);
    if (!timingSafeEqual(this.#mac(body), bytes.subarray(24))) return false;
    const age = now - body.readDoubleBE(0);
    return age >= 0 && age <= this.#goodMs && !this.#used.has(bytes.toString("base64url"));
  }

  /** It was used with success: never again. */
  use(nonce: string, now: number): void {
    for (const [old, expiresAt] of this.#used) {
      if (expiresAt > now && this.#used.size < this.#usedMax) break;
      this.#used.delete(old);
    }
    this.#used.set(Buffer.from(nonce, "base64url").toString("base64url"), now + this.#goodMs);
  }

  #mac(body: Uint8Array): Buffer {
    return createHmac("sha256", this.#key).update(body).digest().subarray(0, macBytes);
  }
}
