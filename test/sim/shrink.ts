/** The fewest of a world's faults that still break it: the shortest story to read. */
import { planOf } from "./plan.ts";
import { World } from "./world.ts";

export function shrink(seed: number): number[] {
  let kept = planOf(seed).faults.map((_, index) => index);
  for (let isSmaller = true; isSmaller; ) {
    isSmaller = false;
    for (const fault of kept) {
      const fewer = kept.filter((each) => each !== fault);
      if (new World({ seed, faults: fewer }).run().violations.length === 0) continue;
      kept = fewer;
      isSmaller = true;
    }
  }
  return kept;
}
