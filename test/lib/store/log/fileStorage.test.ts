import { expect, test } from "bun:test";
import { rmSync, truncateSync } from "node:fs";
import { join } from "node:path";
import { openFileStorage } from "../../../../lib/store/log/fileStorage.ts";
import { batchHeaderBytes, headerBytes } from "../../../../lib/store/log/format.ts";
import type { SegmentInfo } from "../../../../lib/store/log/segments.ts";
import { segmentName } from "../../../../lib/store/log/storage.ts";
import { append, entry, openLog } from "../../../support/harness/logs.ts";
import { temporaryDir } from "../../../support/processes/processes.ts";

test("a written segment that is removed or cut takes no more entries", () => {
  const harm = {
    removed: (path: string) => rmSync(path),
    cut: (path: string) => truncateSync(path, 60),
  };
  for (const strike of Object.values(harm)) {
    using path = temporaryDir();
    const { log } = openLog(openFileStorage({ path: `${path}`, tryLock: () => true }));
    append(log, [entry(1)]);
    strike(join(`${path}`, segmentName(1)));
    const problem = "it was removed or shortened while it was written";
    expect(() => log.assertInPlace()).toThrow(problem);
    expect(() => log.append([entry(2)], () => {})).toThrow(problem);
    expect(() => log.probe()).toThrow(problem);
    log.close();
  }
});

test("a log that was cut within the padding of its last batch is complete, and is continued", () => {
  let padded = 0;
  for (let filler = 0; filler < 8; filler++) {
    using path = temporaryDir();
    const open = () => openLog(openFileStorage({ path: `${path}`, tryLock: () => true }));
    const line = entry(1, filler);
    const { log } = open();
    append(log, [line]);
    const { end } = log.segments.at(-1) as SegmentInfo;
    log.close();
    const paddingBytes = end - headerBytes - batchHeaderBytes - line.length - 1;
    if (paddingBytes === 0) continue;
    padded++;
    truncateSync(join(`${path}`, segmentName(1)), end - paddingBytes);
    const again = open();
    expect(again.lines).toEqual([line]);
    append(again.log, [entry(2)]);
    again.log.close();
    expect(open().lines).toEqual([line, entry(2)]);
  }
  expect(padded).toBe(7);
});

test("a lock is awaited for a moment, because a killed process releases it late", () => {
  using path = temporaryDir();
  let tries = 0;
  openFileStorage({ path: `${path}`, tryLock: () => ++tries === 3 }).release();
  expect(tries).toBe(3);
  expect(() => openFileStorage({ path: `${path}`, tryLock: () => false })).toThrow(
    "another process uses it",
  );
});

test("a file that is closed stays open until its late syncs have ended", async () => {
  using path = temporaryDir();
  const storage = openFileStorage({ path: `${path}`, tryLock: () => true });
  // More than there are threads, so that most syncs wait for one.
  const ends = Array.from({ length: 64 }, async (_, index) => {
    const file = storage.create(`${index}`, 4096);
    file.write(0, new Uint8Array(4096));
    const { promise, resolve } = Promise.withResolvers<Error | undefined>();
    file.syncLater(resolve);
    file.close();
    return await promise;
  });
  expect((await Promise.all(ends)).filter((error) => error !== undefined)).toEqual([]);
  storage.release();
});
