/**
 * Detects a journal that was lost, entirely or in its latest part, so that it is not mistaken for a
 * new one. Other files in the directory show that there was one.
 */
import { existsSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { localFile } from "../../protocol/api/localCredentials.ts";
import { errorText, WsctlError } from "../../protocol/errors.ts";
import { readOne, readSchemaVersion } from "../../store/sqlite.ts";
import type { ControlJournal } from "./journal.ts";

/** Created only together with a journal. */
const companions = [localFile, "artifacts"];
/** Exists while a process writes, and after a process was killed. */
const openFile = "control.open";

const about = "wsctl serve writes to control.db; after a crash control.db-wal belongs to it";

interface Note {
  about: string;
  /** The number of probes in the journal when this file was written. */
  probes: number;
}

/** Returns the number of probes in a journal. */
export const probesSql = "SELECT count FROM probe";

/**
 * Checks that no part of the journal is missing. The message says what is missing and what to do.
 *
 * @throws {WsctlError} STORAGE_UNAVAILABLE
 */
export function assertNotLost(path: string): void {
  const dir = dirname(path);
  const companion = companions.find((name) => existsSync(join(dir, name)));
  const bytes = sizeOf(path);
  const start = `Cannot open the control plane's journal "${path}"`;
  const walBytes = sizeOf(`${path}-wal`);
  if (companion !== undefined && (bytes === 0 || (walBytes === 0 && isWithoutSchema(path)))) {
    const text = `${start}: it is missing or empty, although "${companion}" exists`;
    const fix = `Restore it from a backup, or move all of "${dir}" to another place to start with a new journal`;
    throw new WsctlError("STORAGE_UNAVAILABLE", `${text}. ${fix}`);
  }
  if (walBytes > 0 || !isBehind(path)) return;
  const text = `${start}: its log "${path}-wal" is missing or empty, although the control plane was killed. The latest writes are lost`;
  const fix = `Restore both from a backup. To continue without the lost writes, delete "${join(dir, openFile)}"`;
  throw new WsctlError("STORAGE_UNAVAILABLE", `${text}. ${fix}`);
}

/**
 * Records that a process writes. From here on the log contains a write that must still be there if
 * this process is killed.
 *
 * @throws {WsctlError} STORAGE_UNAVAILABLE
 */
export function markOpen(
  path: string,
  journal: Pick<ControlJournal, "probe" | "close">,
  probes: () => number,
): void {
  try {
    journal.probe();
    const note: Note = { about, probes: probes() };
    writeFileSync(join(dirname(path), openFile), `${JSON.stringify(note)}\n`, { mode: 0o600 });
  } catch (error) {
    journal.close();
    const text = `Cannot write the control plane's journal "${path}": ${errorText(error)}`;
    const fix = "Free some space, and check that this user may write to the directory";
    throw new WsctlError("STORAGE_UNAVAILABLE", `${text}. ${fix}`, { cause: error });
  }
}

/** Called before the journal is closed, which deletes the log. */
export function markClosed(path: string): void {
  rmSync(join(dirname(path), openFile), { force: true });
}

/**
 * Whether the file lacks writes that preceded the record. A file into which another program has
 * checkpointed the log lacks none.
 */
function isBehind(path: string): boolean {
  try {
    const note = JSON.parse(readFileSync(join(dirname(path), openFile), "utf8")) as Note;
    return Number(readOne(path, probesSql)) < note.probes;
  } catch {
    // There is no record, or opening the file reports the error.
    return false;
  }
}

function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}

/** Whether the file exists but its tables were only in the log. */
function isWithoutSchema(path: string): boolean {
  try {
    return readSchemaVersion(path) === 0;
  } catch {
    // Opening the file reports the error.
    return false;
  }
}
