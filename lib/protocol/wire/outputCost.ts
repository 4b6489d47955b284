/** How live output is counted, by who asks for it and by who sends it. */
import { outputChunkCostMin } from "../limits.ts";

/** What a piece of so many bytes counts of what a `subscribe_output` has asked for, on both sides. */
export function outputCost(bytes: number): number {
  return Math.max(bytes, outputChunkCostMin);
}
