/**
 * Finds the most similar valid spelling, if one is similar enough. Among equally similar ones it
 * prefers a longer common prefix, because typing errors in the first letters are rare.
 */
import { distance as distanceBetween } from "fastest-levenshtein";

export function nearest(given: string, known: readonly string[]): string | undefined {
  let best: string | undefined;
  let bestDistance = Math.max(2, Math.floor(given.length / 3)) + 1;
  for (const candidate of known) {
    const distance = distanceBetween(given, candidate);
    const isNearer =
      distance < bestDistance ||
      (distance === bestDistance &&
        best !== undefined &&
        sharedStart(given, candidate) > sharedStart(given, best));
    if (isNearer) {
      best = candidate;
      bestDistance = distance;
    }
  }
  return best;
}

function sharedStart(from: string, to: string): number {
  let length = 0;
  while (length < from.length && from[length] === to[length]) length++;
  return length;
}
