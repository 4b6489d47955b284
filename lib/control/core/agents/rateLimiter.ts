/**
 * What one connection may send: messages and bytes refill at a steady rate up to a burst, and too
 * many refused messages in a short time end it. Pure: told the time, it answers.
 */
import {
  messageBytesBurstMax,
  messageBytesPerSecondMax,
  messagesBurstMax,
  messagesPerSecondMax,
  protocolViolationsMax,
  protocolViolationsWindowMs,
} from "../../../protocol/limits.ts";

export class RateLimiter {
  #messages = messagesBurstMax;
  #bytes = messageBytesBurstMax;
  #refilledAt: number;
  #violations = 0;
  #violationsSince = 0;

  constructor(now: number) {
    this.#refilledAt = now;
  }

  /** Whether a message of this size is still within the rates. */
  admit(bytes: number, now: number): boolean {
    const seconds = Math.max(0, now - this.#refilledAt) / 1000;
    this.#refilledAt = now;
    this.#messages = Math.min(messagesBurstMax, this.#messages + seconds * messagesPerSecondMax);
    this.#bytes = Math.min(messageBytesBurstMax, this.#bytes + seconds * messageBytesPerSecondMax);
    this.#messages -= 1;
    this.#bytes -= bytes;
    return this.#messages >= 0 && this.#bytes >= 0;
  }

  /** A message that was asked for: the rates are about those that were not. */
  refund(bytes: number): void {
    this.#messages += 1;
    this.#bytes += bytes;
  }

  /** Counts a refused message; true when there were too many of them. */
  countViolation(now: number): boolean {
    if (now - this.#violationsSince > protocolViolationsWindowMs) {
      this.#violations = 0;
      this.#violationsSince = now;
    }
    return ++this.#violations > protocolViolationsMax;
  }
}
