/** Reads a program's result from its result file, or from its last line. */
import { errorText } from "../../../protocol/errors.ts";
import { findUnsafeNumber } from "../../../protocol/json.ts";
import { findLossyJson } from "../../../protocol/jsonText.ts";
import { resultBytesMax } from "../../../protocol/limits.ts";
import type { RunEnd } from "../runFiles.ts";
import type { ResultFile } from "./resultFile.ts";

/**
 * Returns the output and the result: the result file, or JSON on the last line, which is then no
 * output. JSON that a peer would not get back unchanged stays text.
 */
export function readProgramResult(
  place: ResultFile,
  lastLine: string,
  output: string,
): Pick<RunEnd, "output" | "result" | "resultFault"> | undefined {
  const file = readFrom(place);
  if (file.fault !== undefined) return withFault(output, "", file.fault);
  if (file.text.trim() !== "") {
    const inFile = parseJson(file.text);
    if (inFile.fault === undefined) return { result: inFile.value, output };
    return withFault(output, file.text.trim(), `the result ${inFile.fault}`);
  }
  const { value: result, fault } = parseJson(lastLine);
  if (fault !== undefined) return undefined;
  const trimmed = output.trimEnd();
  const isLast = trimmed.endsWith(lastLine);
  return { result, output: isLast ? trimmed.slice(0, -lastLine.length) : output };
}

function withFault(output: string, text: string, fault: string) {
  const parts = [output.trimEnd(), text, `[${fault}]`].filter((part) => part !== "");
  return { output: parts.join("\n"), resultFault: fault };
}

/** An unreadable result does not change how a program ended. */
function readFrom(place: ResultFile): { text: string; fault?: string } {
  try {
    return place.read();
  } catch (error) {
    return { text: "", fault: `cannot read the result: ${errorText(error)}` };
  }
}

/** Parses an object or a list, or returns why the text is none that can be kept. */
function parseJson(
  text: string,
): { value: unknown; fault?: never } | { value?: never; fault: string } {
  if (!/^\s*[[{]/.test(text)) return { fault: "is not a JSON object or list" };
  if (text.length > resultBytesMax) return { fault: `exceeds ${resultBytesMax} bytes` };
  try {
    const value = JSON.parse(text);
    const flaw = findUnsafeNumber(value) ?? findLossyJson(text);
    return flaw === undefined ? { value } : { fault: `has ${flaw}` };
  } catch {
    return { fault: "is not valid JSON" };
  }
}
