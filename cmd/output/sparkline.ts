/** A row of figures in one line of text: the larger, the higher. */
import type { Series } from "../../lib/protocol/api/views.ts";

const levels = [..."▁▂▃▄▅▆▇█"];

/** In so many cells, each the mean of what falls into it; a blank where nothing is known. */
export function sparkline(values: readonly (number | null)[], cells: number, top: number): string {
  const width = Math.min(cells, values.length);
  return Array.from({ length: width }, (_, cell) => {
    const from = Math.floor((cell * values.length) / width);
    const to = Math.max(from + 1, Math.floor(((cell + 1) * values.length) / width));
    const known = values.slice(from, to).filter((value) => value !== null);
    if (known.length === 0) return " ";
    const mean = known.reduce((sum, value) => sum + value, 0) / known.length;
    const level = Math.round((mean / Math.max(top, Number.EPSILON)) * (levels.length - 1));
    return levels[Math.max(0, Math.min(levels.length - 1, level))];
  }).join("");
}

/** The mean and the most of what is known; undefined where nothing is. */
export function meanAndMax(
  values: readonly (number | null)[],
): { mean: number; most: number } | undefined {
  const known = values.filter((value) => value !== null);
  if (known.length === 0) return undefined;
  const most = known.reduce((top, value) => Math.max(top, value), 0);
  return { mean: known.reduce((sum, value) => sum + value, 0) / known.length, most };
}

/** How long a series is, in words: "38 min", "5 h", "12 d". */
export function formatSpan({ cpu_percent: values, step_seconds: step }: Series): string {
  const minutes = (values.length * step) / 60;
  if (minutes < 120) return `${Math.round(minutes)} min`;
  return minutes < 48 * 60 ? `${Math.round(minutes / 60)} h` : `${Math.round(minutes / 1440)} d`;
}
