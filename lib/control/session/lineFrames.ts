/** Puts lines of NDJSON into messages of a session, without parsing them again. */
import { sessionFrameCharsMax } from "../../protocol/sessionLimits.ts";

/**
 * Returns the `lines` messages for lines that each end with a line break. The last message says so if
 * the job has ended.
 */
export function lineFrames(ref: string, text: string, hasEnded: boolean): string[] {
  const head = `{"type":"lines","ref":${JSON.stringify(ref)},"lines":[`;
  const groups = text.length <= sessionFrameCharsMax ? [joinLines(text)] : groupLines(text);
  const full = groups.filter((each) => each !== "");
  if (full.length === 0 && hasEnded) full.push("");
  return full.map((lines, index) => {
    const isLast = hasEnded && index === full.length - 1;
    return `${head}${lines}]${isLast ? ',"ended":true' : ""}}`;
  });
}

/** JSON escapes line breaks in its strings, so that those of the text only separate lines. */
function joinLines(text: string): string {
  return text.slice(0, -1).replaceAll("\n", ",");
}

function groupLines(text: string): string[] {
  const groups: string[] = [];
  let group = "";
  for (const line of text.split("\n")) {
    if (line === "") continue;
    if (group !== "" && group.length + line.length > sessionFrameCharsMax) {
      groups.push(group);
      group = "";
    }
    group = group === "" ? line : `${group},${line}`;
  }
  return [...groups, group];
}
