/** Formats tables. */
import { escapeOutput } from "../../lib/escapeControls.ts";
import { textWidth } from "../../lib/runtime/textWidth.ts";

/** Returns columns with headings, as wide as their cells at a terminal. */
export function table(headings: string[], rows: string[][]): string {
  const lines = [headings, ...rows].map((row) =>
    row.map((cell) => escapeOutput(cell).replace(/[\n\t]/g, " ")),
  );
  const widths = headings.map((_, column) =>
    Math.max(...lines.map((line) => textWidth(line[column] ?? ""))),
  );
  const padded = (cell: string, column: number) =>
    cell + " ".repeat((widths[column] ?? 0) - textWidth(cell));
  return lines.map((line) => line.map(padded).join("  ").trimEnd()).join("\n");
}
