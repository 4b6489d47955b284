/** Tracks how much of a job's stream was received, to resume it and to drop repeated lines. */
import type { OutcomeLine, OutputLine, StreamLine } from "../protocol/api/views.ts";

export class StreamProgress {
  #cursor = 0;
  readonly #ended = new Set<string>();
  /** The last received chunk of each open request. */
  readonly #pieces = new Map<string, number>();

  /** The number of requests whose outcome was received. */
  get ended(): number {
    return this.#ended.size;
  }

  /** Records a line. Returns false if it was received before. */
  isNew(line: StreamLine): boolean {
    return isOutput(line) ? this.#isNewPiece(line) : this.#isNewOutcome(line);
  }

  /** The cursor of the last outcome, and the last chunk of each open request. */
  get position(): { after: number; received: Record<string, number> } {
    return { after: this.#cursor, received: Object.fromEntries(this.#pieces) };
  }

  /** Returns the request for the rest of the stream. */
  rest(jobId: string, withOutput: boolean): { path: string; init: RequestInit } {
    const path = `/api/v1/jobs/${jobId}`;
    if (!withOutput) return { path: `${path}/outcomes?after=${this.#cursor}`, init: {} };
    const { after, received: output } = this.position;
    const body = JSON.stringify({ after, output });
    const headers = { "Content-Type": "application/json" };
    return { path: `${path}/stream`, init: { method: "POST", body, headers } };
  }

  #isNewPiece({ request_id, output }: OutputLine): boolean {
    if (this.#ended.has(request_id)) return false;
    // This is not a chunk: it says that nothing follows the last one.
    if (output.incomplete) return true;
    if (output.sequence <= (this.#pieces.get(request_id) ?? 0)) return false;
    this.#pieces.set(request_id, output.sequence);
    return true;
  }

  #isNewOutcome({ request_id, cursor }: OutcomeLine): boolean {
    this.#cursor = Math.max(this.#cursor, cursor);
    this.#pieces.delete(request_id);
    const isNew = !this.#ended.has(request_id);
    this.#ended.add(request_id);
    return isNew;
  }
}

export function isOutput(line: StreamLine): line is OutputLine {
  return "output" in line;
}
