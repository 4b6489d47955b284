/**
 * The nearest of the right spellings, if one is near enough to be what was meant. Of two that are
 * equally near it is the one that begins more alike: people seldom miss the first letters.
 */
export function nearest(given: string, known: readonly string[]): string | undefined {
  let best: string | undefined;
  let bestDistance = Math.max(2, Math.floor(given.length / 3)) + 1;
  for (const candidate of known) {
    const distance = editDistance(given, candidate);
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

function editDistance(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, index) => index);
  for (let i = 1; i <= from.length; i++) {
    const next = [i];
    for (let j = 1; j <= to.length; j++) {
      const change = from[i - 1] === to[j - 1] ? 0 : 1;
      next[j] = Math.min((next[j - 1] ?? 0) + 1, (row[j] ?? 0) + 1, (row[j - 1] ?? 0) + change);
    }
    row = next;
  }
  return row[to.length] ?? 0;
}
