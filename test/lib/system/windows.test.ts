/** The side of Windows, with a fake in place of its system calls. */
import { describe, expect, test } from "bun:test";
import { posix } from "../../../lib/system/posix.ts";
import { windowsSystem } from "../../../lib/system/windows.ts";

function fakeWindows(directories: string[] = []) {
  const asked: unknown[] = [];
  const system = windowsSystem({
    run: (file, args) => void asked.push([file, ...args]),
    exists: (pid) => pid === 42,
    isDirectory: (path) => directories.includes(path),
    flush: (path) => void asked.push(["flush", path]),
    execPath: "C:\\Program Files\\wsctl\\wsctl.exe",
    root: "D:\\Windows",
  });
  return { system, asked };
}

describe("windowsSystem()", () => {
  test("ends a program with everything that it started, by the taskkill of the system", () => {
    const { system, asked } = fakeWindows();
    system.signal(42, "SIGTERM");
    system.signal(42, "SIGKILL");
    const taskkill = "D:\\Windows\\System32\\taskkill.exe";
    expect(asked).toEqual([
      [taskkill, "/PID", "42", "/T"],
      [taskkill, "/PID", "42", "/T", "/F"],
    ]);
    expect([system.isAlive(42), system.isAlive(43)]).toEqual([true, false]);
  });

  test("brings files to disk, and leaves directories, which Windows cannot sync", () => {
    const { system, asked } = fakeWindows(["C:\\data"]);
    system.sync("C:\\data");
    system.sync("C:\\data\\head");
    expect(asked).toEqual([["flush", "C:\\data\\head"]]);
  });

  test("names a pipe for each run, whatever the case of its path", () => {
    const { system } = fakeWindows();
    const pipe = system.runAddress("C:\\Data\\runs\\a");
    expect(pipe).toMatch(/^\\\\\.\\pipe\\wsctl-[0-9a-f]{40}$/);
    expect(system.runAddress("c:\\data\\RUNS\\A")).toBe(pipe);
    expect(system.runAddress("C:\\Data\\runs\\b")).not.toBe(pipe);
    expect(pipe.length).toBeLessThan(system.runAddressBytesMax);
  });

  test.each(["a.bat", "C:\\x\\A.CMD", "a.cmd ", "a.bat. ."])(
    "refuses the batch file %p",
    (file) => {
      expect(fakeWindows().system.refusal(file)).toContain("batch file");
      expect(posix.refusal(file)).toBeUndefined();
    },
  );

  test.each(["a.exe", "cmd.exe", "a.bat.exe", "bat"])("starts the program %p", (file) => {
    expect(fakeWindows().system.refusal(file)).toBeUndefined();
  });

  test("gives programs what they expect of a Windows environment, and no setting of wsctl", () => {
    const { passedOn } = fakeWindows().system;
    expect(passedOn).toContain("SystemRoot");
    expect(passedOn.filter((name) => name.startsWith("WSCTL_"))).toEqual([]);
  });
});
