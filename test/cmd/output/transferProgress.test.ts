import { describe, expect, test } from "bun:test";
import { formatBytes, Progress } from "../../../cmd/output/transferProgress.ts";

function newProgress(isShown = true, columns = 80) {
  const written: string[] = [];
  const clock = { now: 0 };
  const progress = new Progress({
    write: (text) => void written.push(text),
    isShown,
    columns: () => columns,
    now: () => clock.now,
  });
  return { progress, written, clock };
}

describe("Progress", () => {
  test("draws one line over and over, and wipes it", () => {
    const { progress, written, clock } = newProgress();
    const transfer = progress.add("dump.tar", 1_000_000);
    transfer.update(0, 1_000_000);
    clock.now = 50;
    transfer.update(100_000, 1_000_000);
    clock.now = 1_000;
    transfer.update(500_000, 1_000_000);
    transfer.end();
    const bar = `${"#".repeat(12)}${"-".repeat(12)}`;
    expect(written).toEqual([
      expect.stringContaining("  0%  0 B of 1.0 MB"),
      `\r\x1b[K${bar}  50%  500.0 KB of 1.0 MB  500.0 KB/s  dump.tar`,
      "\r\x1b[K",
    ]);
  });

  test("sums up what goes on at a time", () => {
    const { progress, written, clock } = newProgress();
    const [one, two] = [progress.add("one", 100), progress.add("two", 300)];
    one.update(100, 100);
    clock.now = 200;
    two.update(100, 300);
    expect(written.at(-1)).toContain("50%  200 B of 400 B");
    expect(written.at(-1)).toContain("2 transfers");
  });

  test("does not count what an earlier run had done as speed", () => {
    const { progress, written, clock } = newProgress();
    const transfer = progress.add("x", 1_000);
    transfer.update(900, 1_000);
    clock.now = 1_000;
    transfer.update(950, 1_000);
    expect(written.at(-1)).toContain("50 B/s");
  });

  test("keeps to one line, and shows no control characters of a name", () => {
    const { progress, written } = newProgress(true, 40);
    progress.add("a\x1b[2Jb".repeat(20), 10).update(5, 10);
    expect(written[0]?.replace("\r\x1b[K", "").length).toBeLessThan(40);
    expect(written[0]?.slice(4)).not.toContain("\x1b");
  });

  test("is silent where nobody looks", () => {
    const { progress, written } = newProgress(false);
    const transfer = progress.add("x", 10);
    transfer.update(5, 10);
    transfer.end();
    expect(written).toEqual([]);
  });
});

test.each([
  [0, "0 B"],
  [999, "999 B"],
  [1_000, "1.0 KB"],
  [999_949, "999.9 KB"],
  [999_999, "1.0 MB"],
  [5e9, "5.0 GB"],
  [2.5e15, "2500.0 TB"],
])("bytesText(%d) is %s", (bytes, text) => {
  expect(formatBytes(bytes)).toBe(text);
});
