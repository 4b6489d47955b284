/**
 * Prints live output in whole lines, each with its agent as a prefix. The output of a program is
 * untrusted text, like everything that a host sends.
 */
import { escapeControls } from "../../lib/escapeControls.ts";
import type { OutcomeLine, OutputLine } from "../../lib/protocol/api/views.ts";
import { textCharsMax } from "../../lib/protocol/limits.ts";
import { messageAfter } from "../../lib/protocol/omission.ts";
import { quantity } from "./quantity.ts";
import { print, remark } from "./stdio.ts";

/** Receives a job's live output. */
export interface OutputSink {
  piece(line: OutputLine): void;
  /** Ends the output of a request. Returns whether the outcome's message was shown with it. */
  end(line: OutcomeLine): boolean;
}

/** A longer line is shown in parts. */
const lineCharsMax = 16 * 1024;

interface StartedStream {
  decoder: TextDecoder;
  rest: string;
}

interface StartedRequest {
  agent: string;
  streams: Map<string, StartedStream>;
  /** The beginning of the output of both streams, as long as a message can be. */
  seen: string;
  /** The output ended before the program did. */
  isIncomplete: boolean;
}

/** Prints standard output to standard output, and standard error to standard error. */
export class LiveOutputPrinter implements OutputSink {
  readonly #begun = new Map<string, StartedRequest>();

  piece({ request_id, agent, output }: OutputLine): void {
    const { stream = "stdout", skipped, incomplete, text, base64 } = output;
    const of = this.#begun.get(request_id) ?? newRequest(agent);
    this.#begun.set(request_id, of);
    if (skipped !== undefined) {
      this.#flush(of);
      remark(`[${agent}] ${formatGap(skipped)}`);
    }
    if (incomplete) of.isIncomplete = true;
    if (text === undefined && base64 === undefined) return;
    const begun = of.streams.get(stream) ?? { decoder: new TextDecoder(), rest: "" };
    of.streams.set(stream, begun);
    const more = text ?? begun.decoder.decode(Buffer.from(base64 ?? "", "base64"));
    if (of.seen.length < textCharsMax) of.seen += more;
    const all = begun.rest + more;
    const end = all.lastIndexOf("\n") + 1;
    begun.rest = all.slice(end);
    if (end > 0) show(agent, stream, all.slice(0, end - 1));
    for (; begun.rest.length > lineCharsMax; begun.rest = begun.rest.slice(lineCharsMax)) {
      show(agent, stream, begun.rest.slice(0, lineCharsMax));
    }
  }

  /** What the stored message has completes output that did not arrive. */
  end({ request_id, message = "" }: OutcomeLine): boolean {
    const of = this.#begun.get(request_id);
    this.#begun.delete(request_id);
    // Without any output the message is shown in its place.
    if (of === undefined || of.streams.size === 0) return false;
    this.#flush(of);
    if (!of.isIncomplete) return true;
    remark(`[${of.agent}] … the rest of the output did not arrive; the stored message goes on: …`);
    const rest = messageAfter(message, of.seen);
    if (rest !== "") show(of.agent, "stdout", rest);
    return true;
  }

  /** The last line need not end with a line feed. */
  #flush({ agent, streams }: StartedRequest): void {
    for (const [stream, begun] of streams) {
      if (begun.rest !== "") show(agent, stream, begun.rest);
      begun.rest = "";
    }
  }
}

function newRequest(agent: string): StartedRequest {
  return { agent, streams: new Map(), seen: "", isIncomplete: false };
}

/** Says where output is missing, and how much. */
export function formatGap(chunks: number): string {
  return `… ${quantity(chunks, "chunk")} of output missing here: no longer kept by the agent …`;
}

/** All lines are written in one call, because a call per line would be slow. */
function show(agent: string, stream: string, lines: string): void {
  const shown = escapeControls(lines.replace(/\r(?=\n|$)/g, ""));
  const text = `[${agent}] ${shown.replaceAll("\n", `\n[${agent}] `)}`;
  if (stream === "stderr") remark(text);
  else print(text);
}
