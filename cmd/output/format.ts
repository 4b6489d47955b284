/** Answers in the shape that a person or a program asks for: a table, lines of JSON, or CSV. */
import type { ArgsDef } from "citty";
import { escapeControls } from "../../lib/escapeControls.ts";
import { errorText } from "../../lib/protocol/errors.ts";
import { usage } from "../cli/strictArgs.ts";
import { isTerminal } from "../cli/terminal.ts";
import { print, printJson } from "./stdio.ts";
import { table } from "./table.ts";

const formats = ["table", "wide", "ndjson", "csv"] as const;
export type Format = (typeof formats)[number];

export const formatArgs = {
  format: {
    type: "enum",
    options: [...formats],
    description: "output format; ndjson is --json, wide is a table with more columns",
  },
  query: {
    type: "string",
    valueHint: "JMESPATH",
    description:
      'with --json: JMESPath expression for each object: "{agent: agent, took: duration_ms}"',
  },
} as const satisfies ArgsDef;

export interface FormatFlags {
  format?: Format | undefined;
  query?: string | undefined;
  json?: boolean | undefined;
}

export interface Column<T> {
  /** In tables in capitals, in CSV as it is. */
  name: string;
  /** Undefined where there is nothing to say. */
  value(item: T): string | number | undefined;
  /** Not in a narrow table. */
  isWide?: boolean;
}

/** Throws `USAGE` where flags contradict each other. */
export function parseFormat({ format, query, json }: FormatFlags): Format | undefined {
  const chosen = json ? "ndjson" : format;
  if (json && format !== undefined && format !== "ndjson") {
    throw usage(`Flags --json and --format ${format} exclude each other: give one`);
  }
  if (query !== undefined && chosen !== "ndjson") {
    throw usage("Flag --query needs --json");
  }
  return chosen;
}

/** Prints objects as JSON, or what the query chooses of each; throws `USAGE` where it is none. */
export async function jsonPrinter(query: string | undefined): Promise<(value: unknown) => void> {
  if (query === undefined) return printJson;
  const { compile, TreeInterpreter } = await import("@jmespath-community/jmespath");
  const judged = <T>(run: () => T): T => {
    try {
      return run();
    } catch (error) {
      throw usage(`Flag --query is "${query}": ${errorText(error)}`);
    }
  };
  const expression = judged(() => compile(query));
  return (value) => {
    const plain = JSON.parse(JSON.stringify(value));
    const chosen = judged(() => TreeInterpreter.search(expression, plain));
    // What the query finds nothing in is no answer.
    if (chosen !== null && chosen !== undefined) printJson(chosen);
  };
}

/** All of a list at once. */
export async function printList<T>(
  items: readonly T[],
  columns: readonly Column<T>[],
  flags: FormatFlags,
): Promise<void> {
  const format = parseFormat(flags) ?? "table";
  if (format === "ndjson") items.forEach(await jsonPrinter(flags.query));
  else if (format === "csv") {
    print(csvLine(columns.map(({ name }) => name)));
    for (const item of items) print(csvLine(columns.map(({ value }) => value(item))));
  } else print(buildTable(items, columns, format === "wide"));
}

export function buildTable<T>(
  items: readonly T[],
  columns: readonly Column<T>[],
  isWide: boolean,
): string {
  const shown = columns.filter((column) => isWide || !column.isWide);
  const headings = shown.map(({ name }) => name.replaceAll("_", " ").toUpperCase());
  const rows = items.map((item) => shown.map(({ value }) => `${value(item) ?? "-"}`));
  return fitted(table(headings, rows), isWide);
}

/**
 * One line of CSV (RFC 4180). What a spreadsheet would run as a formula is text to it: agents write
 * these cells.
 */
export function csvLine(cells: readonly (string | number | undefined)[]): string {
  return cells
    .map((cell) => {
      if (typeof cell === "number") return `${cell}`;
      const text = escapeControls(cell ?? "");
      const tame = /^[=+@\t\r-]/.test(text) ? `'${text}` : text;
      return /[",\n\r]/.test(tame) ? `"${tame.replaceAll('"', '""')}"` : tame;
    })
    .join(",");
}

/** On a terminal a line of a narrow table ends where the terminal does. */
function fitted(text: string, isWide: boolean): string {
  const columns = isTerminal("stdout") ? process.stdout.columns : undefined;
  if (isWide || columns === undefined) return text;
  const lines = text.split("\n");
  return lines
    .map((line) => (line.length > columns ? `${line.slice(0, columns - 1)}…` : line))
    .join("\n");
}
