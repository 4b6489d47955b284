/**
 * For test builds only: appends a line to a file, waits, and ends as requested. Tests read this
 * file to see which commands ran, and how often.
 */
import { appendFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import * as v from "valibot";
import type { CommandDefinition } from "./command.ts";

const Parameters = v.strictObject({
  file: v.string(),
  line: v.string(),
  wait_ms: v.optional(v.number(), 0),
  status: v.optional(v.picklist(["success", "failed"]), "success"),
});

export const append: CommandDefinition<typeof Parameters> = {
  name: "append",
  summary: "appends a line to a file (test builds only)",
  parameters: Parameters,
  async run({ file, line, wait_ms, status }, { signal, host }) {
    appendFileSync(file, `${line} ${host.pid}\n`);
    if (wait_ms > 0) await sleep(wait_ms, undefined, { signal });
    return { status, message: line };
  },
};
