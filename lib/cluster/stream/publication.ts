/**
 * Decides how a batch gets into the stream: which part is published next, what a refusal means, and
 * when the result is unknown. It holds no connection and no timer.
 */

import type { PublishOutcome } from "../nats/publishOutcome.ts";
import type { PublishRequest } from "../nats/threadMessages.ts";
import { digestOf } from "./batchParts.ts";

/** A message to publish. Nothing is stored unless the stream ends with `expected`. */
export interface Part {
  data: Uint8Array;
  /** The sequence of the first entry of the batch, and the digest before it. */
  first: number;
  previous: string;
  /** `1/3` for the first of three parts. */
  part: string;
  /** NATS stores a message with the same id once. */
  id: string;
  expected: number;
}

export type PublicationStep =
  | { do: "publish"; part: Part }
  /** Read which message the stream has at a position. */
  | { do: "read"; position: number }
  | { do: "wait"; ms: number }
  | { do: "end"; outcome: PublishOutcome };

/**
 * What NATS said to a publication: where the message is, and whether it had it before; or that the
 * stream has another end.
 */
export type PublishAnswer =
  | { stored: number; isDuplicate?: boolean }
  | { refused: string }
  | { failed: string };

/** A publication that has no answer by then has an unknown result. */
export const publishMs = 5_000;
/** The wait for the answer to one attempt. */
export const attemptMs = 1_000;
const retryMs = 100;

export class Publication {
  readonly #request: Pick<PublishRequest, "bytes" | "first" | "previous">;
  readonly #digest: string;
  readonly #partBytes: number;
  readonly #count: number;
  readonly #deadline: number;
  #number = 1;
  /** Where the stream ends if everything before the next part is stored. */
  #position: number;
  #reason = "no answer";

  /** @param partBytes how much of a batch fits into one message */
  constructor(
    request: Pick<PublishRequest, "bytes" | "first" | "previous" | "expected">,
    partBytes: number,
    now: number,
  ) {
    this.#request = request;
    this.#digest = digestOf(request.bytes);
    this.#partBytes = partBytes;
    this.#count = Math.max(1, Math.ceil(request.bytes.length / partBytes));
    this.#position = request.expected;
    this.#deadline = now + publishMs;
  }

  get #id(): string {
    return `${this.#digest}.${this.#number}`;
  }

  /** Publishes the next part, or the same one again. */
  next(now: number): PublicationStep {
    if (now >= this.#deadline) {
      return end({ status: "unknown", position: 0, reason: this.#reason });
    }
    const { bytes, first, previous } = this.#request;
    const from = (this.#number - 1) * this.#partBytes;
    const data = bytes.subarray(from, from + this.#partBytes);
    const part = `${this.#number}/${this.#count}`;
    const message = { data, first, previous, part, id: this.#id, expected: this.#position };
    return { do: "publish", part: message };
  }

  answered(answer: PublishAnswer, now: number): PublicationStep {
    const next = this.#position + 1;
    if ("stored" in answer) {
      if (answer.stored === next && answer.isDuplicate !== true) return this.#stored(next, now);
      // A server may remember a message that the stream has lost.
      this.#reason = `NATS has the message at ${answer.stored}`;
      return { do: "read", position: next };
    }
    this.#reason = "refused" in answer ? answer.refused : answer.failed;
    if ("refused" in answer) return { do: "read", position: next };
    return { do: "wait", ms: retryMs };
  }

  /**
   * The stream refused a part, or had it before: the answer to an earlier attempt may be what was
   * lost.
   *
   * @param id of the message that it has in the place of the part; undefined if that is not known
   */
  found(id: string | undefined, now: number): PublicationStep {
    if (id === this.#id) return this.#stored(this.#position + 1, now);
    if (id === undefined) return { do: "wait", ms: retryMs };
    return end({ status: "refused", position: 0, reason: this.#reason });
  }

  #stored(position: number, now: number): PublicationStep {
    this.#position = position;
    if (this.#number === this.#count) return end({ status: "stored", position, reason: "" });
    this.#number++;
    return this.next(now);
  }
}

function end(outcome: PublishOutcome): PublicationStep {
  return { do: "end", outcome };
}
