/** The result of `restart` and `update`: facts about the process that came back. */

/** Fields that differ between hosts whose answers are otherwise equal. */
const ofOneHost = ["pid", "away_ms"];

/** Returns a result as it is compared between agents: without the facts of one process. */
export function sharedResult(result: unknown): unknown {
  if (typeof result !== "object" || result === null) return result;
  if (!ofOneHost.every((key) => Object.hasOwn(result, key))) return result;
  return Object.fromEntries(Object.entries(result).filter(([key]) => !ofOneHost.includes(key)));
}
