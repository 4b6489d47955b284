/** Prints results as a table, as lines of JSON, or as CSV. */
import type { ArgsDef } from "citty";
import { escapeOutput } from "../../lib/escapeControls.ts";
import { errorText } from "../../lib/protocol/errors.ts";
import { usage } from "../cli/strictArgs.ts";
import { isTerminal, terminalSize } from "../cli/terminal.ts";
import { print, printJson } from "./stdio.ts";
import { table } from "./table.ts";

const formats = ["table", "wide", "ndjson", "csv", "excel"] as const;
export type Format = (typeof formats)[number];

export const formatArgs = {
  format: {
    type: "enum",
    options: [...formats],
    description:
      "output format; ndjson is --json, wide has more columns, excel is CSV with a mark for Excel",
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
  /** The heading: uppercase in tables, unchanged in CSV. */
  name: string;
  /** Returns undefined if there is no value. */
  value(item: T): string | number | undefined;
  /** The column is only in wide tables and CSV. */
  isWide?: boolean;
}

/** @throws {WsctlError} USAGE if flags contradict each other. */
export function parseFormat({ format, query, json }: FormatFlags): Format | undefined {
  const chosen = json ? "ndjson" : format;
  if (json && format !== undefined && format !== "ndjson") {
    throw usage(`Flags --json and --format ${format} cannot be combined: specify one of them`);
  }
  if (query !== undefined && chosen !== "ndjson") {
    throw usage("Flag --query needs --json");
  }
  return chosen;
}

/**
 * Returns a function that prints objects as JSON, or the part that the query selects.
 * @throws {WsctlError} USAGE if the query is invalid.
 */
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
    // An object in which the query selects nothing is not printed.
    if (chosen !== null && chosen !== undefined) printJson(chosen);
  };
}

/** Prints a complete list. */
export async function printList<T>(
  items: readonly T[],
  columns: readonly Column<T>[],
  flags: FormatFlags,
): Promise<void> {
  const format = parseFormat(flags) ?? "table";
  if (format === "ndjson") items.forEach(await jsonPrinter(flags.query));
  else if (isCsv(format)) {
    print(csvHead(columns, format));
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

/** Whether it is CSV, with or without a mark. */
export function isCsv(format: string | undefined): boolean {
  return format === "csv" || format === "excel";
}

/** The first line. Excel takes CSV for UTF-8 only if it begins with a byte order mark. */
export function csvHead(columns: readonly { name: string }[], format: string | undefined): string {
  return `${format === "excel" ? "\uFEFF" : ""}${csvLine(columns.map(({ name }) => name))}`;
}

/**
 * Formats one line of CSV (RFC 4180). The cells contain texts of agents, so a cell that a
 * spreadsheet would run as a formula is marked as text.
 */
export function csvLine(cells: readonly (string | number | undefined)[]): string {
  return cells
    .map((cell) => {
      if (typeof cell === "number") return `${cell}`;
      const text = escapeOutput((cell ?? "").replace(/\r\n?/g, "\n"));
      const tame = /^[=+@\t\r-]/.test(text) ? `'${text}` : text;
      return /[",\n\r]/.test(tame) ? `"${tame.replaceAll('"', '""')}"` : tame;
    })
    .join(",");
}

/** On a terminal, lines of a narrow table are truncated at its width. */
function fitted(text: string, isWide: boolean): string {
  const columns = isTerminal("stdout") ? terminalSize("stdout").columns : undefined;
  if (isWide || columns === undefined) return text;
  const lines = text.split("\n");
  return lines
    .map((line) => (line.length > columns ? `${line.slice(0, columns - 1)}…` : line))
    .join("\n");
}
