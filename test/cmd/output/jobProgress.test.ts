import { describe, expect, test } from "bun:test";
import { JobProgress } from "../../../cmd/output/jobProgress.ts";

function shown(isShown = true) {
  const written: string[] = [];
  const time = { now: 0 };
  const progress = new JobProgress({
    write: (text) => void written.push(text),
    isShown,
    columns: () => 40,
    now: () => time.now,
  });
  return { progress, written, time };
}

describe("a job's progress", () => {
  test("says what is done, failed and waiting, how fast, and how long it may take", () => {
    const { progress, time } = shown();
    progress.begin(100);
    expect(progress.text()).toBe("0 of 100 done, 100 waiting");
    time.now = 5_000;
    for (let count = 0; count < 20; count++) progress.ended(count > 1);
    expect(progress.text()).toBe("20 of 100 done, 2 failed, 80 waiting, 4.0/s, about 20 s left");
    time.now = 2_000_000;
    expect(progress.text()).toEndWith("about 3 h left");
  });

  test("is drawn at most so often, wiped before anything else is said, cut at the edge", () => {
    const { progress, written, time } = shown();
    progress.begin(10);
    progress.draw();
    expect(written).toEqual(["\r\x1b[K0 of 10 done, 10 waiting"]);
    progress.clearLine();
    progress.clearLine();
    expect(written.slice(1)).toEqual(["\r\x1b[K"]);
    time.now = 1_000;
    progress.ended(false);
    progress.draw();
    expect(written.at(-1)?.length).toBe("\r\x1b[K".length + 39);
  });

  test.each([
    ["where nobody looks", false, 10],
    ["of a job for one", true, 1],
  ])("job progress: is not shown %s", (_name, isShown, total) => {
    const { progress, written } = shown(isShown);
    progress.begin(total);
    progress.draw();
    progress.clearLine();
    expect(written).toEqual([]);
  });
});
