/** Reads a program's result from its result file, or from its last line. */
import { errorText } from "../../protocol/errors.ts";
import { findUnsafeNumber } from "../../protocol/json.ts";
import { resultBytesMax } from "../../protocol/limits.ts";
import type { ResultFile } from "./resultFile.ts";
import type { RunEnd } from "./runFiles.ts";

/**
 * Returns the output and the result: the result file, or JSON on the last line, which is then no
 * output.
 */
export function readProgramResult(
  place: ResultFile,
  lastLine: string,
  output: string,
): Pick<RunEnd, "output" | "result" | "resultFault"> | undefined {
  const file = readFrom(place);
  const inFile = parseJson(file.text);
  if (inFile !== undefined) return { result: inFile, output };
  if (file.fault !== undefined) {
    const parts = [output.trimEnd(), `[${file.fault}]`].filter((part) => part !== "");
    return { output: parts.join("\n"), resultFault: file.fault };
  }
  const result = parseJson(lastLine);
  if (result === undefined) return undefined;
  const trimmed = output.trimEnd();
  const isLast = trimmed.endsWith(lastLine);
  return { result, output: isLast ? trimmed.slice(0, -lastLine.length) : output };
}

/** An unreadable result does not change how a program ended. */
function readFrom(place: ResultFile): { text: string; fault?: string } {
  try {
    return place.read();
  } catch (error) {
    return { text: "", fault: `cannot read the result: ${errorText(error)}` };
  }
}

/** Parses an object or a list; any other last line is output. */
function parseJson(text: string): unknown {
  if (!/^\s*[[{]/.test(text) || text.length > resultBytesMax) return undefined;
  try {
    const value = JSON.parse(text);
    // A value that would not be written back unchanged stays in the output.
    return findUnsafeNumber(value) === undefined ? value : undefined;
  } catch {
    return undefined;
  }
}
