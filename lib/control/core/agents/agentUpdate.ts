/** An operator's changes to an agent: its labels and whether it is drained. */

import { WsctlError } from "../../../protocol/errors.ts";
import { type Labels, labelsMax } from "../../../protocol/labels.ts";
import type { AgentRecord, AgentUpdate } from "../model.ts";

/**
 * Returns the updated record.
 *
 * @throws {WsctlError} TOO_LARGE if the agent would have too many labels
 */
export function applyUpdate(facts: AgentRecord, { labels, drained }: AgentUpdate): AgentRecord {
  const { labels: before, drained: wasDrained, ...rest } = facts;
  const after = labels === undefined ? before : mergeLabels(before, labels);
  return {
    ...rest,
    ...(after === undefined ? {} : { labels: after }),
    ...((drained ?? wasDrained) ? { drained: true } : {}),
  };
}

function mergeLabels(before: Labels = {}, changes: NonNullable<AgentUpdate["labels"]>): Labels {
  const entries = Object.entries({ ...before, ...changes });
  const kept = entries.filter((entry): entry is [string, string] => entry[1] !== null);
  if (kept.length > labelsMax) {
    throw new WsctlError("TOO_LARGE", `An agent may have at most ${labelsMax} labels`);
  }
  return Object.fromEntries(kept);
}
