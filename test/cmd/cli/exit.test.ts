import { afterEach, describe, expect, test } from "bun:test";
import process from "node:process";
import {
  exitFailed,
  exitInterrupted,
  exitOk,
  toExit,
  waitForSignal,
} from "../../../cmd/cli/exit.ts";
import { type ErrorCode, errorCodes, WsctlError } from "../../../lib/protocol/errors.ts";

describe("toExit()", () => {
  test.each(Object.keys(errorCodes) as ErrorCode[])("of %s is what the table says", (code) => {
    expect(toExit(new WsctlError(code, "a sentence"), false)).toEqual({
      message: "wsctl: a sentence",
      status: errorCodes[code].exit,
    });
  });

  test("shows the stack of our own errors only on demand", () => {
    const error = new WsctlError("NOT_FOUND", "no such job");
    expect(toExit(error, false).message).toBe("wsctl: no such job");
    expect(toExit(error, true).message).toStartWith("wsctl: no such job\n");
    expect(toExit(error, true).message).toContain("exit.test.ts");
    expect(toExit(error, true).status).toBe(1);
  });

  test("toExit(): an error of citty is wrong usage", () => {
    const error = Object.assign(new Error("Missing required argument"), { name: "CLIError" });
    expect(toExit(error, false)).toEqual({
      message: "wsctl: Missing required argument",
      status: 2,
    });
  });

  test("calls everything else a fault, with its stack", () => {
    const { message, status } = toExit(new TypeError("x is not a function"), false);
    expect(message).toStartWith("wsctl: internal error: ");
    expect(message).toContain("x is not a function");
    expect(message).toContain("exit.test.ts");
    expect(status).toBe(1);
  });

  test("toExit(): an error of the host names its cause and a remedy, without a stack", () => {
    const facts = { code: "ENOSPC", syscall: "open", path: "/data/local.json.new" };
    const error = Object.assign(new Error("ENOSPC: no space left on device"), facts);
    expect(toExit(error, false)).toEqual({
      message:
        'wsctl: Cannot open "/data/local.json.new": ENOSPC: no space left on device. Free some space on the disk',
      status: 1,
    });
    expect(toExit(error, true).message).toContain("exit.test.ts");
  });

  test("toExit(): an aborted operation is reported as stopped", () => {
    const abort = new AbortController();
    abort.abort();
    expect(toExit(abort.signal.reason, false).message).toBe(
      "wsctl: stopped before it was complete",
    );
  });

  test("toExit(): accepts any thrown value", () => {
    for (const thrown of ["text", undefined, null, 7, { code: "BUSY" }]) {
      expect(toExit(thrown, false)).toEqual({
        message: `wsctl: internal error: ${String(thrown)}`,
        status: 1,
      });
    }
  });
});

test("exit statuses are what scripts rely on", () => {
  expect([exitOk, exitFailed, exitInterrupted]).toEqual([0, 1, 130]);
});

describe("waitForSignal()", () => {
  const names = ["SIGINT", "SIGTERM"] as const;
  const before = names.map((name) => process.listeners(name));

  afterEach(() => {
    for (const [index, name] of names.entries()) {
      for (const listener of process.listeners(name)) {
        if (!before[index]?.includes(listener)) process.removeListener(name, listener);
      }
    }
  });

  test.each([
    ["SIGINT", "SIGINT"],
    ["SIGTERM", "SIGINT"],
    ["SIGINT", "SIGTERM"],
  ] as const)("aborts at the first signal (%s) and ends at the second (%s)", (first, second) => {
    let ends = 0;
    const signal = waitForSignal(() => ends++);
    expect(signal.aborted).toBe(false);
    process.emit(first);
    expect([signal.aborted, ends]).toEqual([true, 0]);
    process.emit(second);
    expect(ends).toBe(1);
  });
});
