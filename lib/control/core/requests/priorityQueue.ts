/**
 * The queue of one agent, ordered by priority and then by the acceptance of the jobs, regardless of
 * when a request was added.
 */
import type { Priority } from "../../../protocol/api/jobs.ts";
import type { OpenRequest } from "../model.ts";

const priorities: readonly Priority[] = ["high", "normal", "low"];

interface PriorityClass {
  requests: Set<OpenRequest>;
  /** The newest job in this class. */
  newest: string;
}

export class PriorityQueue {
  /** Most agents only ever use one class. */
  readonly #lines = new Map<Priority, PriorityClass>();

  get size(): number {
    let size = 0;
    for (const { requests } of this.#lines.values()) size += requests.size;
    return size;
  }

  add(request: OpenRequest, priority: Priority): void {
    const { jobId } = request;
    const line = this.#lines.get(priority);
    if (line === undefined) {
      this.#lines.set(priority, { requests: new Set([request]), newest: jobId });
      return;
    }
    line.requests.add(request);
    if (jobId >= line.newest) {
      line.newest = jobId;
      return;
    }
    // It was added late or again; job ids ascend with acceptance.
    line.requests = new Set([...line.requests].sort((a, b) => (a.jobId < b.jobId ? -1 : 1)));
  }

  delete(request: OpenRequest): boolean {
    for (const [priority, { requests }] of this.#lines) {
      if (!requests.delete(request)) continue;
      if (requests.size === 0) this.#lines.delete(priority);
      return true;
    }
    return false;
  }

  /** Returns the next request; undefined if the queue is empty. */
  first(): OpenRequest | undefined {
    for (const priority of priorities) {
      for (const request of this.#lines.get(priority)?.requests ?? []) return request;
    }
    return undefined;
  }
}
