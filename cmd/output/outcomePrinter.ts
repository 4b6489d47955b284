/**
 * Prints the outcome of each request in the requested format: a line, JSON, CSV, a table, or
 * grouped by output.
 */
import { escapeControls, escapeJson } from "../../lib/escapeControls.ts";
import type { OutcomeLine } from "../../lib/protocol/api/views.ts";
import { sharedResult } from "../../lib/protocol/commands/restartResult.ts";
import { usage } from "../cli/strictArgs.ts";
import {
  buildTable,
  type Column,
  csvHead,
  csvLine,
  type FormatFlags,
  isCsv,
  jsonPrinter,
  parseFormat,
} from "./format.ts";
import type { Seen } from "./liveLines.ts";
import { outputLines } from "./outputText.ts";
import { quantity } from "./quantity.ts";
import { describeLogs, hasMoreDetail, resultFault, storedArtifacts } from "./result.ts";
import { paint, print } from "./stdio.ts";
import { formatBytes } from "./transferProgress.ts";

export interface OutcomePrinter {
  /** @param seen The parts that were already shown. */
  take(line: OutcomeLine, seen: Seen): void;
  /** Called after the last outcome. */
  close(): void;
}

export interface OutputFlags extends FormatFlags {
  "group-by-output"?: boolean | undefined;
}

/** Whether no flag requests a special format. */
export function isPlain(flags: OutputFlags): boolean {
  return parseFormat(flags) === undefined && !flags["group-by-output"];
}

/** Whether the output is for a program, so that no remarks are printed. */
export function isForProgram(flags: OutputFlags): boolean {
  const format = parseFormat(flags);
  return format === "ndjson" || isCsv(format);
}

/** @throws {WsctlError} USAGE if flags contradict each other. */
export async function createOutcomePrinter(flags: OutputFlags): Promise<OutcomePrinter> {
  const format = parseFormat(flags);
  if (flags["group-by-output"] && format !== undefined && format !== "ndjson") {
    throw usage(
      `Flags --group-by-output and --format ${format} cannot be combined: specify one of them`,
    );
  }
  const printed = format === "ndjson" ? await jsonPrinter(flags.query) : undefined;
  if (flags["group-by-output"]) return new GroupPrinter(printed);
  if (printed !== undefined) {
    return { take: (line) => printed({ ...line, cursor: undefined }), close: () => {} };
  }
  if (isCsv(format)) return new CsvPrinter(format);
  if (format === undefined) return { take: printOutcome, close: () => {} };
  const all: OutcomeLine[] = [];
  return {
    take: (line) => void all.push(line),
    close: () => print(buildTable(all, columns, format === "wide")),
  };
}

const columns: Column<OutcomeLine>[] = [
  { name: "agent", value: ({ agent }) => agent },
  { name: "outcome", value: ({ outcome }) => outcome },
  { name: "code", value: ({ code }) => code },
  { name: "duration_ms", value: ({ duration_ms }) => duration_ms },
  { name: "request", value: ({ request_id }) => request_id, isWide: true },
  { name: "message", value: ({ message }) => message },
  { name: "result", value: ({ result }) => formatResult(result), isWide: true },
];

class CsvPrinter implements OutcomePrinter {
  constructor(format: string | undefined) {
    print(csvHead(columns, format));
  }

  take(line: OutcomeLine): void {
    print(csvLine(columns.map(({ value }) => value(line))));
  }

  close(): void {}
}

interface OutcomeGroup {
  first: OutcomeLine;
  agents: string[];
}

/** Groups agents with identical output; the largest group comes first. */
class GroupPrinter implements OutcomePrinter {
  readonly #groups = new Map<string, OutcomeGroup>();
  readonly #printJson: ((value: unknown) => void) | undefined;

  constructor(printJson: ((value: unknown) => void) | undefined) {
    this.#printJson = printJson;
  }

  take(line: OutcomeLine): void {
    const { outcome, code, message } = line;
    const result = sharedResult(line.result);
    const key = JSON.stringify([outcome, code, message, result]);
    const group = this.#groups.get(key) ?? { first: { ...line, result }, agents: [] };
    group.agents.push(line.agent);
    this.#groups.set(key, group);
  }

  close(): void {
    const groups = [...this.#groups.values()].sort((a, b) => b.agents.length - a.agents.length);
    for (const { first, agents } of groups) {
      agents.sort();
      const { outcome, code, message, result } = first;
      if (this.#printJson !== undefined) {
        this.#printJson({ count: agents.length, outcome, code, message, result, agents });
      } else printGroup(first, agents);
    }
  }
}

function printGroup(
  { command, outcome, code, message, result }: OutcomeLine,
  agents: string[],
): void {
  const word = paint(outcome === "success" ? "green" : "red", outcome);
  const count = quantity(agents.length, "agent");
  print([`${count}:`, word, escapeControls(code ?? "")].filter((part) => part !== "").join("  "));
  print(`  ${agents.join(", ")}`);
  for (const line of outputLines(message ?? "")) if (line !== "") print(`  | ${line}`);
  if (!toldCommands.has(command) && hasMoreDetail(result)) {
    for (const line of escapeJson(JSON.stringify(result, null, 2)).split("\n"))
      print(`  | ${line}`);
  }
}

/** If the lines of a message were already shown, only the error is left to print. */
function printOutcome(line: OutcomeLine, seen: Seen): void {
  const wasSeen = seen !== "nothing";
  const { agent, command, outcome, code, message, result, execution_ms, duration_ms } = line;
  const word = paint(outcome === "success" ? "green" : "red", outcome);
  // The time of the command itself says more than the time that the request waited.
  const duration = paint("grey", `(${execution_ms ?? duration_ms} ms)`);
  const lines = outputLines(message ?? "");
  const isShort = lines.length === 1;
  // For an update, the live output shows the download, and the message shows the result.
  const isSaid = wasSeen && outcome === "success" && command !== "update";
  const head = wasSeen ? (isSaid ? "" : lines[0]) : isShort ? lines[0] : "";
  const parts = [agent, word, escapeControls(code ?? ""), head, duration];
  print(parts.filter((part) => part !== "").join("  "));
  if (!isShort && !wasSeen) for (const each of lines) print(`[${agent}] ${each}`);
  const fault = resultFault(result);
  if (wasSeen && fault !== undefined) print(`[${agent}] ${escapeControls(fault)}`);
  for (const { artifact_id: id, name, bytes } of storedArtifacts(result)) {
    print(`  ${escapeControls(name)}  ${formatBytes(bytes)}  wsctl artifacts get ${id}`);
  }
  const logs = command === "fetch_logs" ? describeLogs(result) : undefined;
  if (logs !== undefined) for (const each of logs) print(`  ${escapeControls(each)}`);
  else if (seen !== "result" && !toldCommands.has(command) && hasMoreDetail(result)) {
    print(escapeJson(JSON.stringify(result, null, 2)));
  }
}

/** Their output, their files or their message say what their result says. */
const toldCommands: ReadonlySet<string> = new Set([
  ...["push_files", "pull_files"],
  ...["restart", "update", "move_agent"],
]);

function formatResult(result: unknown): string | undefined {
  return hasMoreDetail(result) ? JSON.stringify(result) : undefined;
}
