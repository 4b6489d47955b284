import { describe, expect, test } from "bun:test";
import { LineScreen } from "../../../cmd/output/lineScreen.ts";
import { LiveOutputPrinter, type Seen } from "../../../cmd/output/liveLines.ts";
import { outputLines } from "../../../cmd/output/outputText.ts";
import type { OutcomeLine, OutputLine } from "../../../lib/protocol/api/views.ts";

/** A printer whose both streams are at one terminal, or in one pipe. */
class Shown {
  text = "";
  writes = 0;
  readonly printer: LiveOutputPrinter;
  #sequence = 0;

  constructor({ canRewrite = false, hasStatusLine = false } = {}) {
    const write = (text: string) => {
      this.text += text;
      this.writes++;
      this.#wake();
    };
    const screen = new LineScreen({ write, canRewrite });
    const around = { hasStatusLine, clearLine: () => {}, draw: () => {} };
    this.printer = new LiveOutputPrinter(around, { stdout: screen, stderr: screen });
  }

  #wake: () => void = () => {};

  write(text: string, agent = "a"): void {
    const output = { sequence: ++this.#sequence, stream: "stdout" as const, text };
    const line: OutputLine = { job_id: "j", request_id: `r-${agent}`, agent, output };
    this.printer.piece(line);
  }

  end(agent = "a"): Seen {
    const ids = { job_id: "j", request_id: `r-${agent}`, agent, command: "c", cursor: 1 };
    return this.printer.end({ ...ids, outcome: "success", duration_ms: 1 } as OutcomeLine);
  }

  /** Resolves when something more is written. */
  async more(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
    });
  }
}

describe("live output in a pipe", () => {
  test("has whole lines, however they are cut", () => {
    const shown = new Shown();
    for (const part of ["o", "ne\ntwo\r", "\nthr", "ee\n\nfour"]) shown.write(part);
    expect(shown.text).toBe("[a] one\n[a] two\n[a] three\n[a] \n");
    expect(shown.end()).toBe("output");
    expect(shown.text).toEndWith("[a] four\n");
  });

  test("is written in few calls, wherever its chunks are cut", () => {
    const shown = new Shown();
    const text = Array.from({ length: 1_000 }, (_, line) => `line ${line}\n`).join("");
    for (let at = 0; at < text.length; at += 1_001) shown.write(text.slice(at, at + 1_001));
    expect(shown.text).toBe(text.replaceAll(/^(?=.)/gm, "[a] "));
    // A chunk ends a line, has many, and begins one.
    expect(shown.writes).toBeLessThan(40);
  });

  test("has a line for each part of a progress bar", () => {
    const shown = new Shown();
    shown.write("\r10%");
    shown.write("\r20%\r");
    shown.write("30%\n");
    expect(shown.text).toBe("[a] 10%\n[a] 20%\n[a] 30%\n");
  });

  test("shows an open line after a second, and goes on in it", async () => {
    const shown = new Shown();
    shown.write("Password: ");
    expect(shown.text).toBe("");
    await shown.more();
    expect(shown.text).toBe("[a] Password: ");
    shown.write("ok\nnext\n");
    expect(shown.text).toBe("[a] Password: ok\n[a] next\n");
  });

  test("ends an open line before the line of another agent", async () => {
    const shown = new Shown();
    shown.write("half");
    await shown.more();
    shown.write("other\n", "b");
    shown.write(" and half\n");
    expect(shown.text).toBe("[a] half\n[b] other\n[a]  and half\n");
  });

  test("keeps tabs, joiners and right-to-left text, and escapes what a terminal obeys", () => {
    const shown = new Shown();
    const family = "\u{1f468}\u200d\u{1f469}\u200d\u{1f467}";
    shown.write(`4.0K\t/tmp\n${family} می\u200cخواهم\n\x1b[2J\u202e\x07\x9b\n`);
    expect(shown.text).toBe(
      `[a] 4.0K\t/tmp\n[a] ${family} می\u200cخواهم\n[a] \\x1b[2J\\u{202e}\\x07\\x9b\n`,
    );
  });
});

describe("live output at a terminal", () => {
  test("is a progress bar where the program writes one", () => {
    const shown = new Shown({ canRewrite: true });
    shown.write("10%\r");
    shown.write("20%\r");
    shown.write("done\n");
    expect(shown.text).toBe("[a] 10%\r\x1b[K[a] 20%\r\x1b[K[a] done\n");
  });

  test("ends a progress bar before the line of another agent", () => {
    const shown = new Shown({ canRewrite: true });
    shown.write("10%\r");
    shown.write("other\n", "b");
    shown.write("20%\r");
    shown.end();
    expect(shown.text).toBe("[a] 10%\n[b] other\n[a] 20%\n");
  });

  test("has no open line above a status line", async () => {
    const shown = new Shown({ canRewrite: true, hasStatusLine: true });
    shown.write("10%\r");
    await shown.more();
    expect(shown.text).toBe("[a] 10%\n");
    shown.write("20%\r30%\n");
    expect(shown.text).toBe("[a] 10%\n[a] 30%\n");
  });
});

test("outputLines(): splits a stored message into lines", () => {
  expect(outputLines("a\r\nb\rc\td", false)).toEqual(["a", "b", "c\td"]);
  expect(outputLines("a\r\nb\rc\td", true)).toEqual(["a", "c\td"]);
});
