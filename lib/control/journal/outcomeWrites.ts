/** Outcomes among the writes of a commit: one for each request, numbered by the log. */
import { WsctlError } from "../../protocol/errors.ts";
import type { ControlWrite } from "../core/model.ts";

/**
 * Checks that each request gets its first outcome.
 *
 * @param open the requests without an outcome
 * @throws {WsctlError} INTERNAL
 */
export function assertFirstOutcomes(writes: ControlWrite[], open: ReadonlySet<string>): void {
  let created: Set<string> | undefined;
  const ended = new Set<string>();
  for (const write of writes) {
    if (write.type === "putJob") {
      created ??= new Set();
      for (const { requestId } of write.requests) created.add(requestId);
    }
    if (write.type !== "putOutcome") continue;
    const { requestId } = write.outcome;
    const isFirst = !ended.has(requestId) && (created?.has(requestId) || open.has(requestId));
    ended.add(requestId);
    if (isFirst) continue;
    const text = `Cannot record the outcome of request "${requestId}": it does not exist or has ended`;
    throw new WsctlError("INTERNAL", text);
  }
}

/** Has the set of open requests follow the writes, which are durable. */
export function noteOpenRequests(writes: readonly ControlWrite[], open: Set<string>): void {
  for (const write of writes) {
    if (write.type === "putJob") for (const { requestId } of write.requests) open.add(requestId);
    else if (write.type === "putOutcome") open.delete(write.outcome.requestId);
  }
}

/** The sequence of an outcome is the one of its entry. */
export function outcomeSequences(
  writes: ControlWrite[],
  first: number,
): ReadonlyMap<string, number> {
  const sequences = new Map<string, number>();
  writes.forEach((write, index) => {
    if (write.type === "putOutcome") sequences.set(write.outcome.requestId, first + index);
  });
  return sequences;
}
