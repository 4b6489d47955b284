/** How both sides count the bytes of live output. */
import { outputChunkCostMin } from "../limits.ts";

/** Returns how many bytes of a `subscribe_output` a chunk uses. */
export function outputCost(bytes: number): number {
  return Math.max(bytes, outputChunkCostMin);
}
