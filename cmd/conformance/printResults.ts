/** Prints the results of a conformance run as text or JSON, and writes the reports that are asked for. */
import { writeFileSync } from "node:fs";
import { type CheckResult, levels, summarize, type Verdict } from "../../lib/conformance/check.ts";
import { formatBadge, formatJunit } from "../../lib/conformance/reports.ts";
import { escapeControls } from "../../lib/escapeControls.ts";
import { exitFailed, exitOk } from "../cli/exit.ts";
import { usage } from "../cli/strictArgs.ts";
import { paint, print, printJson, wantsColour } from "../output/stdio.ts";

export const reportArgs = {
  json: { type: "boolean", description: "print JSON, one object per check, then the summary" },
  junit: { type: "string", valueHint: "FILE", description: "also write JUnit XML to this file" },
  badge: {
    type: "string",
    valueHint: "FILE",
    description: "also write a badge for shields.io to this file (JSON)",
  },
  strict: {
    type: "boolean",
    description: "exit with 1 also if a check of the level should fails",
  },
} as const;

export interface ReportFlags {
  json?: boolean | undefined;
  junit?: string | undefined;
  badge?: string | undefined;
  strict?: boolean | undefined;
}

const marks: Readonly<Record<Verdict, string>> = {
  passed: "ok  ",
  failed: "FAIL",
  skipped: "skip",
};
const colours = { passed: "green", failed: "red", skipped: "grey" } as const;

/** Prints one result when it is there. */
export function printResult({ json }: ReportFlags, result: CheckResult): void {
  if (json) return printJson(result);
  const { id, level, title, source, verdict, detail } = result;
  const mark = paint(colours[verdict], marks[verdict], wantsColour());
  print(`${mark}  ${level.padEnd(6)}  ${id}: ${title}`);
  if (verdict === "passed") return;
  if (detail !== undefined) print(`                ${escapeControls(detail)}`);
  if (verdict === "failed") print(`                asked for by: ${source}`);
}

/**
 * Prints the summary and writes the reports. Returns the exit status.
 *
 * @throws {WsctlError} USAGE if a report cannot be written
 */
export function finish(
  flags: ReportFlags,
  subject: string,
  results: readonly CheckResult[],
): number {
  const { conforms, counts } = summarize(results);
  if (flags.json) printJson({ summary: { subject, conforms, ...counts } });
  else {
    print("");
    for (const level of levels) {
      const { passed, failed, skipped } = counts[level];
      print(`${level.padEnd(6)}  ${passed} passed, ${failed} failed, ${skipped} skipped`);
    }
    print(`The ${subject} ${conforms ? "conforms" : "does not conform"} to the standard.`);
  }
  if (flags.junit !== undefined) write("junit", flags.junit, formatJunit(subject, results));
  if (flags.badge !== undefined)
    write("badge", flags.badge, formatBadge(`${subject} standard`, results));
  const isStrict = flags.strict === true && counts.should.failed > 0;
  return conforms && !isStrict ? exitOk : exitFailed;
}

function write(flag: string, path: string, text: string): void {
  try {
    writeFileSync(path, text);
  } catch (error) {
    throw usage(`Flag --${flag} is "${path}": cannot write it: ${(error as Error).message}`);
  }
}
