/** Text that a program wrote, as lines for people. */
import { escapeOutput } from "../../lib/escapeControls.ts";
import { isTerminal } from "../cli/terminal.ts";

/**
 * Returns the lines of a message. A carriage return goes back to the beginning of a line: at a
 * terminal only what was written last is shown, as the program meant it; elsewhere every part is a
 * line of its own.
 */
export function outputLines(message: string, isSeen = isTerminal("stdout")): string[] {
  const lines = message.replaceAll("\r\n", "\n").split("\n");
  return lines.flatMap((line) => {
    if (!line.includes("\r")) return [escapeOutput(line)];
    const parts = line.split("\r").filter((part) => part !== "");
    return (isSeen ? parts.slice(-1) : parts).map(escapeOutput);
  });
}
