/**
 * Prints live output in whole lines, each with its agent as a prefix. The output of a program is
 * untrusted text, like everything that a host sends.
 */
import { escapeControls } from "../../lib/escapeControls.ts";
import type { OutputLine } from "../../lib/protocol/api/views.ts";
import { print, remark } from "./stdio.ts";

/** Receives a job's live output. */
export interface OutputSink {
  piece(line: OutputLine): void;
  /** Ends the output of a request. Returns whether any of it was shown. */
  end(requestId: string): boolean;
}

/** A longer line is shown in parts. */
const lineCharsMax = 16 * 1024;

interface StartedStream {
  decoder: TextDecoder;
  rest: string;
}

/** Prints standard output to standard output, and standard error to standard error. */
export class LiveOutputPrinter implements OutputSink {
  readonly #begun = new Map<string, { agent: string; streams: Map<string, StartedStream> }>();

  piece({ request_id, agent, output }: OutputLine): void {
    const { stream = "stdout", skipped, incomplete, text, base64 } = output;
    const of = this.#begun.get(request_id) ?? { agent, streams: new Map<string, StartedStream>() };
    this.#begun.set(request_id, of);
    if (skipped !== undefined) {
      this.#flush(request_id);
      remark(`[${agent}] … output is missing here: it was written faster than it could be kept …`);
    }
    if (incomplete) {
      this.#flush(request_id);
      remark(`[${agent}] … the rest of the output did not arrive …`);
    }
    if (text === undefined && base64 === undefined) return;
    const begun = of.streams.get(stream) ?? { decoder: new TextDecoder(), rest: "" };
    of.streams.set(stream, begun);
    const more = text ?? begun.decoder.decode(Buffer.from(base64 ?? "", "base64"));
    const all = begun.rest + more;
    const end = all.lastIndexOf("\n") + 1;
    begun.rest = all.slice(end);
    if (end > 0) show(agent, stream, all.slice(0, end - 1));
    for (; begun.rest.length > lineCharsMax; begun.rest = begun.rest.slice(lineCharsMax)) {
      show(agent, stream, begun.rest.slice(0, lineCharsMax));
    }
  }

  end(requestId: string): boolean {
    this.#flush(requestId);
    return this.#begun.delete(requestId);
  }

  /** The last line need not end with a line feed. */
  #flush(requestId: string): void {
    const of = this.#begun.get(requestId);
    for (const [stream, begun] of of?.streams ?? []) {
      if (begun.rest !== "") show(of?.agent ?? "", stream, begun.rest);
      begun.rest = "";
    }
  }
}

/** All lines are written in one call, because a call per line would be slow. */
function show(agent: string, stream: string, lines: string): void {
  const shown = escapeControls(lines.replace(/\r(?=\n|$)/g, ""));
  const text = `[${agent}] ${shown.replaceAll("\n", `\n[${agent}] `)}`;
  if (stream === "stderr") remark(text);
  else print(text);
}
