/** What an operator says of an agent: its labels, and whether it takes new jobs. */

import { WsctlError } from "../../../protocol/errors.ts";
import { type Labels, labelsMax } from "../../../protocol/labels.ts";
import type { AgentRecord, AgentUpdate } from "../model.ts";

/** The facts as they are then. Throws `TOO_LARGE` where there would be too many labels. */
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
    throw new WsctlError("TOO_LARGE", `an agent may have ${labelsMax} labels`);
  }
  return Object.fromEntries(kept);
}
