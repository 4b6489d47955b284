/**
 * Prints live output in lines, each with its agent as a prefix. A line that has no end yet is shown
 * after a second. The output of a program is untrusted text, like everything that a host sends.
 */
import { escapeOutput } from "../../lib/escapeControls.ts";
import type { OutcomeLine, OutputLine } from "../../lib/protocol/api/views.ts";
import { textCharsMax } from "../../lib/protocol/limits.ts";
import { messageAfter } from "../../lib/protocol/omission.ts";
import { isTerminal } from "../cli/terminal.ts";
import { LineScreen, type OpenLine } from "./lineScreen.ts";
import { quantity } from "./quantity.ts";
import { printText, remark, remarkText } from "./stdio.ts";

/** Receives a job's live output. */
export interface OutputSink {
  piece(line: OutputLine): void;
  /** Ends the output of a request. Returns which parts of the outcome were shown with it. */
  end(line: OutcomeLine): Seen;
}

/** `output`: the message was shown as output. `result`: so was the result, as its last line. */
export type Seen = "nothing" | "output" | "result";

/** What else is written at the same terminal. */
export interface Surroundings {
  /** A status line below the output, which is redrawn, so that no line can stay open above it. */
  hasStatusLine: boolean;
  /** These must be called before and after output that no `piece` caused. */
  clearLine(): void;
  draw(): void;
}

export interface Screens {
  stdout: LineScreen;
  stderr: LineScreen;
}

/** A longer line is shown in parts. */
const lineCharsMax = 16 * 1024;
/** An open line is shown after this time. */
const openLineMs = 1_000;

interface StartedStream {
  screen: LineScreen;
  prefix: string;
  decoder: TextDecoder;
  line: OpenLine;
  /** The program went back to the beginning of the line; what follows replaces the line. */
  isReturned: boolean;
  timer: NodeJS.Timeout | undefined;
}

interface StartedRequest {
  agent: string;
  streams: Map<string, StartedStream>;
  /** The beginning of the output of both streams, as long as a message can be. */
  seen: string;
  /** The end of standard output, at least as long as its last line unless that is very long. */
  tail: string;
  /** The output ended before the program did. */
  isIncomplete: boolean;
}

/** Prints standard output to standard output, and standard error to standard error. */
export class LiveOutputPrinter implements OutputSink {
  readonly #begun = new Map<string, StartedRequest>();
  readonly #screens: Screens;
  readonly #around: Surroundings;

  constructor(around: Surroundings, screens = openScreens()) {
    this.#around = around;
    this.#screens = screens;
  }

  piece({ request_id, agent, output }: OutputLine): void {
    const { stream = "stdout", skipped, incomplete, text, base64 } = output;
    const of = this.#begun.get(request_id) ?? newRequest(agent);
    this.#begun.set(request_id, of);
    if (skipped !== undefined) {
      this.#flush(of);
      this.#remark(`[${agent}] ${formatGap(skipped)}`);
    }
    if (incomplete) of.isIncomplete = true;
    if (text === undefined && base64 === undefined) return;
    const begun = of.streams.get(stream) ?? this.#newStream(agent, stream);
    of.streams.set(stream, begun);
    const more = text ?? begun.decoder.decode(Buffer.from(base64 ?? "", "base64"));
    if (of.seen.length < textCharsMax) of.seen += more;
    if (stream === "stdout") of.tail = lastChars(of.tail, more);
    this.#write(begun, more.replaceAll("\r\n", "\n"));
  }

  /** What the stored message has completes output that did not arrive. */
  end({ request_id, message = "", result }: OutcomeLine): Seen {
    const of = this.#begun.get(request_id);
    this.#begun.delete(request_id);
    for (const { timer } of of?.streams.values() ?? []) clearTimeout(timer);
    if (of !== undefined) this.#flush(of);
    this.#close();
    // Without any output the message is shown in its place.
    if (of === undefined || of.streams.size === 0) return "nothing";
    if (!of.isIncomplete) return isLastLine(of.tail, result) ? "result" : "output";
    this.#remark(
      `[${of.agent}] … the rest of the output did not arrive; the stored message goes on: …`,
    );
    const rest = messageAfter(message, of.seen);
    const begun = this.#newStream(of.agent, "stdout");
    if (rest !== "") this.#write(begun, `${rest}\n`);
    return "output";
  }

  #newStream(agent: string, stream: string): StartedStream {
    return {
      screen: stream === "stderr" ? this.#screens.stderr : this.#screens.stdout,
      prefix: `[${agent}] `,
      decoder: new TextDecoder(),
      line: newLine(),
      isReturned: false,
      timer: undefined,
    };
  }

  #write(begun: StartedStream, text: string): void {
    const isBar = text.includes("\r");
    const isOpen = begun.line.text !== "" || begun.isReturned;
    const openAt = text.lastIndexOf("\n") + 1;
    // Lines that need a look of their own: all with a progress bar, else the end of an open one.
    const ownEnd = isBar ? openAt : isOpen ? text.indexOf("\n") + 1 : 0;
    for (const line of text.slice(0, ownEnd).split("\n").slice(0, -1)) {
      this.#add(begun, line);
      this.#end(begun);
    }
    // All other lines are written in one call, because a call per line would be slow.
    if (ownEnd < openAt) {
      const lines = escapeOutput(text.slice(ownEnd, openAt - 1));
      begun.screen.lines(begun.prefix + lines.replaceAll("\n", `\n${begun.prefix}`));
    }
    this.#add(begun, text.slice(openAt));
    this.#showOpen(begun, isBar);
  }

  /** Adds text without a line feed to the open line. */
  #add(begun: StartedStream, text: string): void {
    for (const [index, part] of text.split("\r").entries()) {
      if (index > 0) begun.isReturned = true;
      if (part === "") continue;
      if (begun.isReturned) this.#replace(begun);
      begun.line.text += escapeOutput(part);
      if (begun.line.text.length > lineCharsMax) this.#end(begun);
    }
  }

  /** At a terminal the line is replaced; elsewhere it ends, and another one begins. */
  #replace(begun: StartedStream): void {
    const { screen, line } = begun;
    begun.isReturned = false;
    if (line.text === "") return;
    if (!screen.canRewrite) return this.#end(begun);
    line.isReplaced = true;
    line.text = "";
    line.shown = 0;
  }

  #end(begun: StartedStream): void {
    if (this.#around.hasStatusLine) {
      const { line, screen, prefix } = begun;
      if (line.text === "" || line.shown < line.text.length) {
        screen.lines(prefix + line.text.slice(line.shown));
      }
    } else begun.screen.end(begun.line, begun.prefix);
    begun.line = newLine();
    begun.isReturned = false;
  }

  /** Shows the open line now, if it is a progress bar at a terminal, and otherwise in a second. */
  #showOpen(begun: StartedStream, isBar: boolean): void {
    if (begun.line.shown === begun.line.text.length) return;
    if (isBar && begun.screen.canRewrite && !this.#around.hasStatusLine) {
      begun.screen.show(begun.line, begun.prefix);
      return;
    }
    begun.timer ??= setTimeout(() => {
      begun.timer = undefined;
      const { line, screen, prefix } = begun;
      if (line.shown === line.text.length) return;
      this.#around.clearLine();
      if (this.#around.hasStatusLine) {
        screen.lines(prefix + line.text.slice(line.shown));
        line.shown = line.text.length;
      } else screen.show(line, prefix);
      this.#around.draw();
    }, openLineMs);
  }

  /** The last line need not end with a line feed. */
  #flush({ streams }: StartedRequest): void {
    for (const begun of streams.values()) if (begun.line.text !== "") this.#end(begun);
  }

  #close(): void {
    this.#screens.stdout.close();
    this.#screens.stderr.close();
  }

  #remark(text: string): void {
    this.#close();
    remark(text);
  }
}

function newRequest(agent: string): StartedRequest {
  return { agent, streams: new Map(), seen: "", tail: "", isIncomplete: false };
}

/** Returns the end of the text that grew by `more`. */
function lastChars(text: string, more: string): string {
  return (more.length >= lineCharsMax ? more : text + more).slice(-lineCharsMax);
}

/** Whether the last line is this result as JSON. */
function isLastLine(output: string, result: unknown): boolean {
  const line = output.trimEnd().split("\n").at(-1) ?? "";
  try {
    return JSON.stringify(JSON.parse(line)) === JSON.stringify(result);
  } catch {
    // The line is no JSON, or only the end of it is known.
    return false;
  }
}

function newLine(): OpenLine {
  return { text: "", shown: 0, isReplaced: false };
}

/** Says where output is missing, and how much. */
export function formatGap(chunks: number): string {
  return `… ${quantity(chunks, "chunk")} of output missing here: no longer kept by the agent …`;
}

/** At one terminal, both streams share the line at the cursor. */
function openScreens(): Screens {
  const canRewrite = isTerminal("stdout") && process.env.TERM !== "dumb";
  const stdout = new LineScreen({ write: printText, canRewrite });
  if (isTerminal("stdout") && isTerminal("stderr")) return { stdout, stderr: stdout };
  const isRewritable = isTerminal("stderr") && process.env.TERM !== "dumb";
  return { stdout, stderr: new LineScreen({ write: remarkText, canRewrite: isRewritable }) };
}
