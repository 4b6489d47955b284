import { existsSync, mkdirSync, readdirSync, rmdirSync } from "node:fs";
import { resolve } from "node:path";
import { defineCommand } from "citty";
import {
  assertEmpty,
  restoreBackup,
  restorePrefix,
  unpackBackup,
} from "../lib/control/backup/restoreBackup.ts";
import { loadRuntime } from "../lib/runtime/load.ts";
import { systemClock } from "../lib/time/clock.ts";
import { openBackup } from "./backup/backupFile.ts";
import { withTemporaryDir } from "./backup/temporaryDir.ts";
import { openArgs } from "./backup.ts";
import { commonArgs } from "./cli/commonFlags.ts";
import { exitOk } from "./cli/exit.ts";
import { usage } from "./cli/strictArgs.ts";
import { quantity } from "./output/quantity.ts";
import { print, printJson, remark } from "./output/stdio.ts";

export default defineCommand({
  meta: {
    name: "restore",
    description: "Make the data directory of a control plane from a backup",
    examples: ["wsctl restore monday.wsctl --data-dir /var/lib/wsctl"],
  },
  args: {
    file: {
      type: "positional",
      required: true,
      valueHint: "FILE",
      description: "file of the backup",
    },
    ...commonArgs,
    ...openArgs,
    json: { type: "boolean", description: "print JSON, one object per line" },
  },
  run: ({ args }) => restoreRun(args),
});

interface RestoreOptions {
  file: string;
  "data-dir"?: string | undefined;
  "passphrase-file"?: string | undefined;
  "identity-file"?: string | undefined;
  json?: boolean | undefined;
}

/**
 * What a backup does not know is not repeated: open requests end as lost, and schedules are paused.
 */
async function restoreRun(options: RestoreOptions): Promise<number> {
  const { "data-dir": dir } = options;
  if (dir === undefined) throw usage("Missing --data-dir DIR: the directory to restore to");
  const dataDir = resolve(dir);
  assertEmpty(dataDir);
  const isNew = !existsSync(dataDir);
  mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  try {
    await unpackInto(dataDir, options);
  } catch (error) {
    // With something in it, it stays, and the error says why the restore failed.
    if (isNew && readdirSync(dataDir).length === 0) rmdirSync(dataDir);
    throw error;
  }
  return exitOk;
}

/** A data directory may be a file system of its own, so the backup is unpacked inside of it. */
async function unpackInto(dataDir: string, options: RestoreOptions): Promise<void> {
  await withTemporaryDir(dataDir, restorePrefix, async (unpacked) => {
    const archive = await openBackup(resolve(options.file), options);
    const manifest = await unpackBackup(archive, unpacked);
    const { tryLock } = await loadRuntime();
    const clock = systemClock();
    const { lost, paused } = restoreBackup({ unpacked, dataDir, manifest, clock, tryLock });
    const { last_sequence, digest, created_at } = manifest;
    if (options.json) printJson({ data_dir: dataDir, lost, paused, ...manifest });
    else print(`${dataDir}  ${last_sequence}:${digest}  ${created_at}`);
    if (lost > 0) remark(`${quantity(lost, "open request")} ended as lost.`);
    if (paused.length > 0)
      remark(`Paused schedules: ${paused.join(", ")}. Resume those that you need.`);
    remark(`Tokens that were revoked after ${created_at} are valid again: revoke them again.`);
    remark("Stop the control plane that the backup comes from before you start this one.");
  });
}
