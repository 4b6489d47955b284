/** Live output of a job: reads the stream, and resumes after the last chunk that arrived. */
import type { OutputLine, StreamLine } from "../../../../protocol/api/views.ts";
import { LoggedOut, open, Refused } from "./api.ts";

export interface Line {
  agent: string;
  stream: "stdout" | "stderr" | "note";
  text: string;
}

export interface OutputReader {
  lines: readonly Line[];
  /** The number of lines that were dropped at the beginning. */
  dropped: number;
  isOver: boolean;
}

const linesMax = 20_000;
const retryMs = 1_500;
const renderMs = 150;

/** Follows the output until the job ends or `signal` aborts. `onChange` is called at most often. */
export function followOutput(
  jobId: string,
  signal: AbortSignal,
  onChange: (reader: OutputReader) => void,
): void {
  const lines: Line[] = [];
  const partial = new Map<string, Line>();
  const received: Record<string, number> = {};
  let after = 0;
  let dropped = 0;
  let isOver = false;
  let isWaiting = false;
  const changed = () => {
    if (isWaiting) return;
    isWaiting = true;
    setTimeout(() => {
      isWaiting = false;
      if (!signal.aborted) onChange({ lines: [...lines], dropped, isOver });
    }, renderMs);
  };
  const add = (line: Line) => {
    lines.push(line);
    if (lines.length <= linesMax) return;
    const surplus = Math.ceil(linesMax / 10);
    lines.splice(0, surplus);
    dropped += surplus;
  };
  const take = ({ agent, request_id: id, output }: OutputLine) => {
    const { sequence, text, base64, skipped, incomplete, stream = "stdout" } = output;
    received[id] = Math.max(received[id] ?? 0, sequence);
    const note = (what: string) => add({ agent, stream: "note", text: what });
    if (skipped !== undefined) note(`${skipped} chunks are missing: this page was too slow`);
    if (incomplete) note("the rest of the output did not arrive");
    const chunk = text ?? (base64 === undefined ? "" : atob(base64));
    const key = `${id} ${stream}`;
    chunk.split("\n").forEach((piece, index, all) => {
      const open = partial.get(key);
      if (open === undefined && piece !== "") {
        const line: Line = { agent, stream, text: piece };
        partial.set(key, line);
        add(line);
      } else if (open !== undefined) open.text += piece;
      else if (index < all.length - 1) add({ agent, stream, text: "" });
      if (index < all.length - 1) partial.delete(key);
    });
  };
  const read = async () => {
    const path = `api/v1/jobs/${encodeURIComponent(jobId)}/stream`;
    const response = await open(path, { after, output: received }, signal);
    for await (const text of textLines(response)) {
      const line = JSON.parse(text) as StreamLine;
      if ("output" in line) take(line);
      else after = Math.max(after, line.cursor);
      changed();
    }
  };
  const run = async () => {
    while (!signal.aborted && !isOver) {
      try {
        await read();
        isOver = true;
      } catch (error) {
        if (signal.aborted || error instanceof LoggedOut) return;
        if (error instanceof Refused) {
          add({ agent: "", stream: "note", text: error.message });
          isOver = true;
        } else await new Promise((resolve) => setTimeout(resolve, retryMs));
      }
      changed();
    }
  };
  void run();
}

async function* textLines(response: Response): AsyncGenerator<string> {
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { value, done } = (await reader?.read()) ?? { value: "", done: true };
    const parts = (rest + (value ?? "")).split("\n");
    rest = parts.pop() ?? "";
    for (const part of parts) if (part !== "") yield part;
    if (done) return;
  }
}
