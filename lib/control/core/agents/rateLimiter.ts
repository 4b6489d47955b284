/**
 * Limits the messages of one connection. Messages and bytes refill at a steady rate up to a burst;
 * too many rejected messages in a short time end the connection. This module is pure: it is passed
 * the time.
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

  /** Handles a clock that was set by a number of milliseconds. */
  shift(byMs: number): void {
    this.#refilledAt += byMs;
    this.#violationsSince += byMs;
  }

  /** Whether a message of this size is within the limits. */
  admit(bytes: number, now: number): boolean {
    const seconds = Math.max(0, now - this.#refilledAt) / 1000;
    this.#refilledAt = now;
    this.#messages = Math.min(messagesBurstMax, this.#messages + seconds * messagesPerSecondMax);
    this.#bytes = Math.min(messageBytesBurstMax, this.#bytes + seconds * messageBytesPerSecondMax);
    this.#messages -= 1;
    this.#bytes -= bytes;
    return this.#messages >= 0 && this.#bytes >= 0;
  }

  /**
   * Returns the credit for a message that the control plane requested; only unrequested messages
   * are limited.
   */
  refund(bytes: number): void {
    this.#messages += 1;
    this.#bytes += bytes;
  }

  /** Counts a rejected message. Returns true if there were too many. */
  countViolation(now: number): boolean {
    if (now - this.#violationsSince > protocolViolationsWindowMs) {
      this.#violations = 0;
      this.#violationsSince = now;
    }
    return ++this.#violations > protocolViolationsMax;
  }
}
