/**
 * What waits for one agent, in the order in which it goes out: by priority, and among equals by the
 * acceptance of their jobs, whenever each was let into the line.
 */
import type { Priority } from "../../../protocol/api/jobs.ts";
import type { OpenRequest } from "../model.ts";

const priorities: readonly Priority[] = ["high", "normal", "low"];

interface PriorityClass {
  requests: Set<OpenRequest>;
  /** The newest job that it has had a request of. */
  newest: string;
}

export class PriorityQueue {
  /** Most agents never have but one. */
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
    // Its turn came late, or once more: ids of jobs grow with their acceptance.
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

  /** The one that goes next; undefined where nothing waits. */
  first(): OpenRequest | undefined {
    for (const priority of priorities) {
      for (const request of this.#lines.get(priority)?.requests ?? []) return request;
    }
    return undefined;
  }
}
