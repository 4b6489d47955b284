/** Draws a series of numbers as one line of text. */
import type { Series } from "../../lib/protocol/api/views.ts";

const levels = [..."▁▂▃▄▅▆▇█"];

/**
 * Returns `cells` characters. Each is the mean of its part of the series, or a blank without
 * values.
 */
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

/** Returns the mean and the maximum of the known values; undefined if there are none. */
export function meanAndMax(
  values: readonly (number | null)[],
): { mean: number; most: number } | undefined {
  const known = values.filter((value) => value !== null);
  if (known.length === 0) return undefined;
  const most = known.reduce((top, value) => Math.max(top, value), 0);
  return { mean: known.reduce((sum, value) => sum + value, 0) / known.length, most };
}

/** Formats the length of a series: "38 min", "5 h", "12 d". */
export function formatSpan({ cpu_percent: values, step_seconds: step }: Series): string {
  const minutes = (values.length * step) / 60;
  if (minutes < 120) return `${Math.round(minutes)} min`;
  return minutes < 48 * 60 ? `${Math.round(minutes / 60)} h` : `${Math.round(minutes / 1440)} d`;
}
