/** Writes a chunk of live output as a line of JSON, as readers of a job's stream get it. */
import { isUtf8 } from "node:buffer";
import type { OutputLine } from "../../protocol/api/views.ts";
import { outputChunkBytesMax } from "../../protocol/limits.ts";

/** The limit of a chunk's text in JSON. A chunk that needs more is written as base64. */
const textJsonBytesMax = 2 * outputChunkBytesMax;

type Place = Omit<OutputLine, "output">;
type About = Omit<OutputLine["output"], "text" | "base64">;

/**
 * Returns the line of a chunk, or of a mark that has none. The text is written into the line as it
 * is escaped, because it would take as long again to serialize the whole line.
 */
export function formatOutputLine(place: Place, about: About, bytes?: Uint8Array): string {
  const line = JSON.stringify({ ...place, output: about } satisfies OutputLine);
  if (bytes === undefined) return `${line}\n`;
  return `${line.slice(0, -2)},${formatContent(bytes)}}}\n`;
}

/**
 * Returns the field `text`, or `base64` for a chunk that is not valid UTF-8, or whose control
 * characters would take much more space when escaped.
 */
function formatContent(received: Uint8Array): string {
  const bytes = Buffer.from(received.buffer, received.byteOffset, received.byteLength);
  if (isUtf8(bytes)) {
    const text = bytes.toString("utf8");
    const json = JSON.stringify(text);
    // Escapes are ASCII: they add as many bytes as characters.
    if (bytes.length + json.length - text.length <= textJsonBytesMax) return `"text":${json}`;
  }
  return `"base64":"${bytes.toString("base64")}"`;
}
