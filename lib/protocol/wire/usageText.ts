/**
 * The two values of a status update as text and as numbers. The standard shows `"30%"` and
 * `"1.5GB"`. A space before the unit and more than 100% (a peer may count cores) are accepted.
 * Units are powers of 1000.
 */
const cpuShape = /^(\d{1,6}(?:\.\d{1,6})?) ?%$/;
const memoryShape = /^(\d{1,9}(?:\.\d{1,6})?) ?([KMGT]B)$/;
const unitBytes: Record<string, number> = { KB: 1e3, MB: 1e6, GB: 1e9, TB: 1e12 };

/** Whether the text is a CPU usage. */
export function isCpuUsage(text: string): boolean {
  return text.length <= 32 && cpuShape.test(text);
}

/** Whether the text is a memory usage. */
export function isMemoryUsage(text: string): boolean {
  return text.length <= 32 && memoryShape.test(text);
}

/** Returns percent, or undefined if the text is not a CPU usage. */
export function parseCpuUsage(text: string): number | undefined {
  const parts = text.length <= 32 ? cpuShape.exec(text) : null;
  return parts ? Number(parts[1]) : undefined;
}

/** Returns bytes, or undefined if the text is not a memory usage. */
export function parseMemoryUsage(text: string): number | undefined {
  const parts = text.length <= 32 ? memoryShape.exec(text) : null;
  return parts ? Math.round(Number(parts[1]) * (unitBytes[parts[2] ?? ""] ?? 0)) : undefined;
}

export function formatCpuUsage(percent: number): string {
  return `${Math.round(percent * 10) / 10}%`;
}

/** GB from a thousand million bytes up, MB below, as the standard requires. */
export function formatMemoryUsage(bytes: number): string {
  return bytes >= 1e9 ? `${(bytes / 1e9).toFixed(2)}GB` : `${(bytes / 1e6).toFixed(1)}MB`;
}
