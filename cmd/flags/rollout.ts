/** The flags of a rollout: batches, canaries, pauses and the failure limit. */
import type { ArgsDef } from "citty";
import type { JobRequestInput, Priority } from "../../lib/protocol/api/jobs.ts";
import { ttlSecondsMax } from "../../lib/protocol/limits.ts";
import { usage } from "../cli/strictArgs.ts";
import { parsePause, parseShare } from "./values.ts";

export const rolloutArgs = {
  batch: {
    type: "string",
    valueHint: "N|P%",
    description: "maximum number of agents that run at the same time",
  },
  waves: {
    type: "boolean",
    description: "with --batch: start the next batch when the whole batch has ended",
  },
  "batch-pause": {
    type: "string",
    valueHint: "TIME",
    description: "with --batch: pause between batches; implies --waves",
  },
  canary: {
    type: "string",
    valueHint: "N|P%",
    description: "number of agents that run first; one failure among them stops the rollout",
  },
  "canary-pause": {
    type: "string",
    valueHint: "TIME",
    description: "pause after the canaries",
  },
  "max-failures": {
    type: "string",
    valueHint: "N|P%",
    description: "cancel the rest after more than this many failures",
  },
  priority: {
    type: "enum",
    options: ["high", "normal", "low"],
    default: "normal",
    description: "position among the queued requests of an agent",
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

/**
 * Returns the fields of a job request.
 * @throws {WsctlError} USAGE with the invalid flag.
 */
export function parseRollout(flags: RolloutFlags): Partial<JobRequestInput> {
  const { batch, waves, canary, priority } = flags;
  const { "batch-pause": pause, "canary-pause": wait, "max-failures": most } = flags;
  if (batch === undefined && (waves || pause !== undefined)) {
    throw usage(`Flag --${waves ? "waves" : "batch-pause"} needs --batch`);
  }
  if (canary === undefined && wait !== undefined) {
    throw usage("Flag --canary-pause needs --canary");
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
