import { describe, expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import process from "node:process";
import * as fc from "fast-check";
import { paint, wantsColour } from "../../../cmd/output/stdio.ts";
import { table } from "../../../cmd/output/table.ts";
import { escapeControls, escapeJson, escapeOutput } from "../../../lib/escapeControls.ts";

const source = new URL("../../../cmd/output/stdio.ts", import.meta.url).pathname;
const hostile = /[\x00-\x09\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff]/;

describe("visible()", () => {
  test.each([
    ["\x1b[31mred\x1b[0m", "\\x1b[31mred\\x1b[0m"],
    ["\x1b]0;title\x07", "\\x1b]0;title\\x07"],
    ["\x1b]52;c;aGk=\x1b\\", "\\x1b]52;c;aGk=\\x1b\\"],
    ["\x9b2J", "\\x9b2J"],
    ["a\rb", "a\\x0db"],
    ["a\bb", "a\\x08b"],
    ["a\tb", "a\\x09b"],
    ["a\0b", "a\\x00b"],
    ["a\x7fb", "a\\x7fb"],
    ["a\u202eb", "a\\u{202e}b"],
    ["a\u2066b\u2069", "a\\u{2066}b\\u{2069}"],
    ["a\u200bb\u200d", "a\\u{200b}b\\u{200d}"],
    ["\ufeffa", "\\u{feff}a"],
    ["a\u00adb", "a\\xadb"],
    ["a\u2028b\u2029", "a\\u{2028}b\\u{2029}"],
    ["a\ue000b", "a\\u{e000}b"],
    ["a\u{e0041}b", "a\\u{e0041}b"],
    ["a\ud800b", "a\\u{d800}b"],
  ])("escapes %j", (text, shown) => {
    expect(escapeControls(text)).toBe(shown);
  });

  test.each(["", "plain", "two\nlines", "Überfall", "日本語", "😀", "\\x1b", "a b", "'\"`$"])(
    "leaves %j alone",
    (text) => {
      expect(escapeControls(text)).toBe(text);
    },
  );

  test("leaves no character that a terminal obeys, and changes nothing twice", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        const shown = escapeControls(text);
        expect(shown).not.toMatch(hostile);
        expect(escapeControls(shown)).toBe(shown);
      }),
      { numRuns: 500 },
    );
  });
});

describe("escapeOutput()", () => {
  test("leaves no character that a terminal obeys or that reorders text", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        const shown = escapeOutput(text).replace(/[\t\u061c\u200c-\u200f]/g, "");
        expect(shown).not.toMatch(hostile);
      }),
      { numRuns: 500 },
    );
  });
});

describe("escapeJson()", () => {
  test("leaves no character that a terminal obeys, and every value as it was", () => {
    fc.assert(
      fc.property(fc.json({ stringUnit: "binary" }), (json) => {
        const shown = escapeJson(json);
        expect(shown).not.toMatch(hostile);
        expect(JSON.parse(shown)).toEqual(JSON.parse(json));
      }),
      { numRuns: 500 },
    );
    const control = String.fromCodePoint(0x9b, 0x202e, 0xe0041);
    expect(escapeJson(JSON.stringify(control))).toBe('"\\u009b\\u202e\\udb40\\udc41"');
  });
});

describe("table()", () => {
  test("makes columns as wide as they need to be", () => {
    const rows = [
      ["web-1", "online", "x"],
      ["a", "offline for long", ""],
    ];
    expect(table(["AGENT", "STATE", "NOTE"], rows)).toBe(
      [
        "AGENT  STATE             NOTE",
        "web-1  online            x",
        "a      offline for long",
      ].join("\n"),
    );
  });

  test("shows the headings alone where there are no rows", () => {
    expect(table(["A", "B"], [])).toBe("A  B");
  });

  test("keeps a row on its line and shows what a cell hides", () => {
    expect(table(["A", "B"], [["two\nlines", "\x1b[2J"]])).toBe(
      ["A          B", "two lines  \\x1b[2J"].join("\n"),
    );
  });

  test("has one line for each row, whatever is in the cells", () => {
    const cell = fc.string({ unit: "binary", maxLength: 8 });
    fc.assert(
      fc.property(fc.array(fc.tuple(cell, cell), { maxLength: 6 }), (rows) => {
        const shown = table(["A", "B"], rows);
        expect(shown.split("\n")).toHaveLength(rows.length + 1);
        expect(shown).not.toMatch(hostile);
      }),
    );
  });
});

describe("wantsColour() and paint()", () => {
  function withEnv<T>(env: Record<string, string | undefined>, run: () => T): T {
    const saved = { NO_COLOR: process.env.NO_COLOR, TERM: process.env.TERM };
    const set = (values: Record<string, string | undefined>): void => {
      for (const name of ["NO_COLOR", "TERM"]) {
        const value = values[name];
        if (value === undefined) delete process.env[name];
        else process.env[name] = value;
      }
    };
    try {
      set(env);
      return run();
    } finally {
      set(saved);
    }
  }

  test.each([
    [true, {}, true],
    [true, { TERM: "xterm" }, true],
    [true, { NO_COLOR: "" }, true],
    [true, { NO_COLOR: "1" }, false],
    [true, { TERM: "dumb" }, false],
    [false, { TERM: "xterm" }, false],
  ])("on a terminal (%p) with %j: %p", (isTerminal, env, wanted) => {
    const isColoured = withEnv(env, () => wantsColour(isTerminal));
    expect(isColoured).toBe(wanted);
    expect(paint("green", "ok", isColoured)).toBe(wanted ? "\x1b[32mok\x1b[0m" : "ok");
  });
});

describe("print(), printJson() and remark()", () => {
  /** What a process that runs this code writes. */
  function outputOf(code: string, shell = ""): { stdout: string; stderr: string; status: number } {
    const script = `import { print, printJson, remark } from ${JSON.stringify(source)};\n${code}`;
    const command = shell === "" ? [process.execPath, "-e", script] : ["sh", "-c", shell];
    const [file = "", ...rest] = command;
    const env = { ...process.env, RUNTIME: process.execPath, SCRIPT: script };
    const { stdout, stderr, status } = spawnSync(file, rest, {
      encoding: "utf8",
      env,
      maxBuffer: 64 * 1024 * 1024,
    });
    return { stdout, stderr, status: status ?? -1 };
  }

  test("stdio: results go to stdout and remarks to stderr", () => {
    const code = 'print("answer €"); remark("remark"); printJson({ a: "\\x1b" });';
    expect(outputOf(code)).toEqual({
      stdout: 'answer €\n{"a":"\\u001b"}\n',
      stderr: "remark\n",
      status: 0,
    });
  });

  test("write all of a long line into a pipe, even right before an exit", () => {
    const { stdout, status } = outputOf('print("€".repeat(1_000_000)); process.exit(3);');
    expect(status).toBe(3);
    expect(stdout.length).toBe(1_000_001);
    expect(stdout.endsWith("€\n")).toBe(true);
  });

  test("stdio: the process ends when the reader of its output has closed", () => {
    const code = 'for (let i = 0; i < 3; i++) print("x".repeat(1_000_000)); remark("went on");';
    const absent = outputOf(code, '{ "$RUNTIME" -e "$SCRIPT"; echo $? >&2; } | true');
    expect(absent).toEqual({ stdout: "", stderr: "141\n", status: 0 });
    const gone = outputOf(code, '"$RUNTIME" -e "$SCRIPT" | head -c 3');
    expect(gone.stdout).toBe("xxx");
    expect(gone.stderr).toBe("");
  });

  test.skipIf(!existsSync("/dev/full"))(
    "stdio: the process fails if its output cannot be written",
    () => {
      const full = outputOf('print("x")', '"$RUNTIME" -e "$SCRIPT" > /dev/full');
      expect(full.status).toBe(1);
      expect(full.stderr).toContain("Cannot write to standard output");
    },
  );
});
