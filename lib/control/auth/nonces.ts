/**
 * One-time nonces that are valid for a minute. Agents sign them, and OIDC logins use them as state.
 * A nonce carries its time, authenticated with a key of this process, so that issuing one takes no
 * memory; only used nonces are stored until they expire.
 */
import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";

const goodMsDefault = 60_000;
const macBytes = 16;

export class Nonces {
  readonly #goodMs: number;
  readonly #usedMax: number;
  readonly #key = randomBytes(32);
  /** When each used nonce expires, ordered by use. */
  readonly #used = new Map<string, number>();

  /**
   * @param usedMax The oldest used nonces beyond this number are dropped. Set it only if something
   *   else prevents their reuse.
   */
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

  /** Whether this process issued the nonce and it is unexpired and unused. */
  isGood(nonce: string, now: number): boolean {
    const bytes = Buffer.from(nonce, "base64url");
    if (bytes.length !== 24 + macBytes) return false;
    const body = bytes.subarray(0, 24);
    if (!timingSafeEqual(this.#mac(body), bytes.subarray(24))) return false;
    const age = now - body.readDoubleBE(0);
    return age >= 0 && age <= this.#goodMs && !this.#used.has(bytes.toString("base64url"));
  }

  /** Marks a nonce as used. */
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
