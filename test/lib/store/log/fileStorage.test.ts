import { expect, test } from "bun:test";
import { rmSync, truncateSync } from "node:fs";
import { join } from "node:path";
import { openFileStorage } from "../../../../lib/store/log/fileStorage.ts";
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

test("a lock is awaited for a moment, because a killed process releases it late", () => {
  using path = temporaryDir();
  let tries = 0;
  openFileStorage({ path: `${path}`, tryLock: () => ++tries === 3 }).release();
  expect(tries).toBe(3);
  expect(() => openFileStorage({ path: `${path}`, tryLock: () => false })).toThrow(
    "another process uses it",
  );
});
