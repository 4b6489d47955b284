/** Formats tables. */
import stringWidth from "string-width";
import { escapeOutput } from "../../lib/escapeControls.ts";

/** Returns columns with headings, as wide as their cells at a terminal. */
export function table(headings: string[], rows: string[][]): string {
  const lines = [headings, ...rows].map((row) =>
    row.map((cell) => escapeOutput(cell).replace(/[\n\t]/g, " ")),
  );
  const widths = headings.map((_, column) =>
    Math.max(...lines.map((line) => stringWidth(line[column] ?? ""))),
  );
  const padded = (cell: string, column: number) =>
    cell + " ".repeat((widths[column] ?? 0) - stringWidth(cell));
  return lines.map((line) => line.map(padded).join("  ").trimEnd()).join("\n");
}
