/** What a program has left as its result: in the file that it was told of, or on its last line. */
import { errorText } from "../../protocol/errors.ts";
import { findUnsafeNumber } from "../../protocol/json.ts";
import { resultBytesMax } from "../../protocol/limits.ts";
import type { ResultFile } from "./resultFile.ts";
import type { RunEnd } from "./runFiles.ts";

/** The file it was told of, or JSON on its last line, becomes its result and is no output then. */
export function readProgramResult(
  place: ResultFile,
  lastLine: string,
  output: string,
): Pick<RunEnd, "output" | "result"> | undefined {
  const file = readFrom(place);
  const inFile = parseJson(file.text);
  if (inFile !== undefined) return { result: inFile, output };
  if (file.fault !== undefined) return { output: `${output.trimEnd()}\n[${file.fault}]` };
  const result = parseJson(lastLine);
  if (result === undefined) return undefined;
  const trimmed = output.trimEnd();
  const isLast = trimmed.endsWith(lastLine);
  return { result, output: isLast ? trimmed.slice(0, -lastLine.length) : output };
}

/** How a program ended stands, whatever keeps its result from being read. */
function readFrom(place: ResultFile): { text: string; fault?: string } {
  try {
    return place.read();
  } catch (error) {
    return { text: "", fault: `its result cannot be read: ${errorText(error)}` };
  }
}

/** An object or a list; anything else on a last line is output. */
function parseJson(text: string): unknown {
  if (!/^\s*[[{]/.test(text) || text.length > resultBytesMax) return undefined;
  try {
    const value = JSON.parse(text);
    // What could not be written down again as it was stays in the output, as it is.
    return findUnsafeNumber(value) === undefined ? value : undefined;
  } catch {
    return undefined;
  }
}
