import { setTimeout as sleep } from "node:timers/promises";
import * as v from "valibot";
import type { CommandDefinition } from "./command.ts";

export const delaySecondsMax = 3_600;
const rule = `must be a number from 0 to ${delaySecondsMax}`;

const Parameters = v.strictObject({
  /** The delay before the restart; it counts towards the command's timeout. */
  delay_seconds: v.optional(
    v.pipe(v.number(rule), v.minValue(0, rule), v.maxValue(delaySecondsMax, rule)),
    0,
  ),
});

export const restart: CommandDefinition<typeof Parameters> = {
  name: "restart",
  summary: "restarts the agent's process, or the given service",
  parameters: Parameters,
  endsProcess: true,
  async run({ delay_seconds }, { signal }) {
    await sleep(delay_seconds * 1000, undefined, { signal });
    return { status: "restart" };
  },
};
