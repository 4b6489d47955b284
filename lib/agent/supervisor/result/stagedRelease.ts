/** The result of staging an update: a program that is ready for its trial. */
import * as v from "valibot";
import type { Update } from "../../core/model.ts";

const Staged = v.object({
  update: v.object({
    from: v.string(),
    to: v.string(),
    file: v.string(),
    connectMs: v.number(),
    healthyMs: v.number(),
  }),
});

export function isStagedRelease(value: unknown): value is { update: Update } {
  return v.is(Staged, value);
}
