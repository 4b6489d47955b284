/** Parts of the pages that are written from the code, as the formatter would write them. */
export function code(text: string): string {
  return `\`${text}\``;
}

export function table(head: string[], rows: string[][]): string {
  const widths = head.map((text, at) =>
    Math.max(text.length, ...rows.map((row) => row[at]?.length ?? 0)),
  );
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell, at) => cell.padEnd(widths[at] ?? 0)).join(" | ")} |`;
  const rule = line(widths.map((width) => "-".repeat(width)));
  return [line(head), rule, ...rows.map(line)].join("\n");
}
