import { describe, expect, test } from "bun:test";
import process from "node:process";
import { terminalSize } from "../../../cmd/cli/terminal.ts";

/** As the runtime reports it for a terminal. */
function withSize<T>(columns: number | undefined, rows: number | undefined, body: () => T): T {
  const before = { columns: process.stdout.columns, rows: process.stdout.rows };
  try {
    Object.assign(process.stdout, { columns, rows });
    return body();
  } finally {
    Object.assign(process.stdout, before);
  }
}

describe("terminalSize()", () => {
  test.each([
    [120, 50, { columns: 120, rows: 50 }],
    [0, 0, { columns: 80, rows: 24 }],
    [undefined, undefined, { columns: 80, rows: 24 }],
  ])("of %p columns and %p rows", (columns, rows, expected) => {
    expect(withSize(columns, rows, () => terminalSize("stdout"))).toEqual(expected);
  });
});
