/** A backup whose segments are compressed while it is made. */
import { expect, test } from "bun:test";
import { mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { createBackup } from "../../../../lib/control/backup/createBackup.ts";
import { unpackBackup } from "../../../../lib/control/backup/restoreBackup.ts";
import { fill, openJournal } from "../../../support/fixtures/filledJournal.ts";
import { temporaryDir } from "../../../support/processes/processes.ts";

test("a backup has the bytes of a segment that is compressed after the backup has begun", async () => {
  using dir = temporaryDir();
  const dataDir = join(`${dir}`, "data");
  mkdirSync(dataDir);
  const journal = openJournal(dataDir);
  const agents = Array.from({ length: 2_000 }, (_, index) => `agent-${index}`);
  const now = Date.now();
  for (let job = 0; job < 8; job++) fill(journal, { agents, createdAt: now - 1_000 });
  const plainCount = () =>
    readdirSync(join(dataDir, "log")).filter((name) => name.endsWith(".log")).length;
  const archive = createBackup({ dataDir, journal, withSecrets: false, now });
  const first = await archive.next();
  const before = plainCount();
  expect(before).toBeGreaterThan(1);
  while (plainCount() > 1) await setTimeout(1);
  async function* whole() {
    yield first.value as Uint8Array;
    yield* archive;
  }
  const unpacked = join(`${dir}`, "unpacked");
  mkdirSync(unpacked);
  const { last_sequence } = await unpackBackup(whole(), unpacked);
  expect(last_sequence).toBe(journal.recorder.log.sequence);
  const names = readdirSync(join(unpacked, "log")).filter((name) => name.endsWith(".log"));
  expect(names).toHaveLength(before);
  journal.close();
});
