/** How a job goes out: all at once, or a part at a time until too much fails. */
import type { ArgsDef } from "citty";
import type { JobRequestInput, Priority } from "../../lib/protocol/api/jobs.ts";
import { ttlSecondsMax } from "../../lib/protocol/limits.ts";
import { usage } from "../cli/strictArgs.ts";
import { parsePause, parseShare } from "./values.ts";

export const rolloutArgs = {
  batch: {
    type: "string",
    valueHint: "N|P%",
    description: "so many agents at a time: the next begins when one has ended",
  },
  waves: {
    type: "boolean",
    description: "with --batch: the next batch begins when the whole of one has ended",
  },
  "batch-pause": {
    type: "string",
    valueHint: "TIME",
    description: "with --batch: in waves, and so long from the end of one to the next",
  },
  canary: {
    type: "string",
    valueHint: "N|P%",
    description: "so many go first; a single failure among them stops the rest",
  },
  "canary-pause": {
    type: "string",
    valueHint: "TIME",
    description: "so long from the end of the last canary to the rest",
  },
  "max-failures": {
    type: "string",
    valueHint: "N|P%",
    description: "with one more failure than this, whoever has not begun never will",
  },
  priority: {
    type: "enum",
    options: ["high", "normal", "low"],
    default: "normal",
    description: "before or after what else waits for the same agent",
  },
} as const satisfies ArgsDef;

export interface RolloutFlags {
  batch?: string | undefined;
  waves?: boolean | undefined;
  "batch-pause"?: string | undefined;
  canary?: string | undefined;
  "canary-pause"?: string | undefined;
  "max-failures"?: string | undefined;
  priority: Priority;
}

/** The fields of an order; throws `USAGE` naming the flag. */
export function parseRollout(flags: RolloutFlags): Partial<JobRequestInput> {
  const { batch, waves, canary, priority } = flags;
  const { "batch-pause": pause, "canary-pause": wait, "max-failures": most } = flags;
  if (batch === undefined && (waves || pause !== undefined)) {
    throw usage(`Flag --${waves ? "waves" : "batch-pause"} wants --batch: how many in a wave?`);
  }
  if (canary === undefined && wait !== undefined) {
    throw usage("Flag --canary-pause wants --canary: how many go first?");
  }
  const rollout = {
    ...(batch === undefined ? {} : { batch: parseShare("batch", batch, 1) }),
    ...(waves ? { waves } : {}),
    ...(pause === undefined
      ? {}
      : { batch_pause_seconds: parsePause("batch-pause", pause, ttlSecondsMax) }),
    ...(canary === undefined ? {} : { canary: parseShare("canary", canary, 1) }),
    ...(wait === undefined
      ? {}
      : { canary_pause_seconds: parsePause("canary-pause", wait, ttlSecondsMax) }),
    ...(most === undefined ? {} : { max_failures: parseShare("max-failures", most, 0) }),
  };
  return {
    ...(Object.keys(rollout).length === 0 ? {} : { rollout }),
    ...(priority === "normal" ? {} : { priority }),
  };
}
