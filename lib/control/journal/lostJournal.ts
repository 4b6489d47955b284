/**
 * A journal that is gone, in whole or in its latest part, must not pass for a new one: what lies
 * beside it tells that there was one.
 */
import { existsSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { localFile } from "../../protocol/api/localCredentials.ts";
import { errorText, WsctlError } from "../../protocol/errors.ts";
import { readOne, readSchemaVersion } from "../../store/sqlite.ts";
import type { ControlJournal } from "./journal.ts";

/** Made by whoever has had a journal there. */
const companions = [localFile, "artifacts"];
/** There while a process writes, and after one that was killed. */
const openFile = "control.open";

const about = "wsctl serve writes to control.db; after a crash control.db-wal belongs to it";

interface Note {
  about: string;
  /** How many probes the journal had seen when it was written. */
  probes: number;
}

/** How many probes a journal has seen. */
export const probesSql = "SELECT count FROM probe";

/** Throws `STORAGE_UNAVAILABLE` saying what is missing, and what to do. */
export function assertNotLost(path: string): void {
  const dir = dirname(path);
  const companion = companions.find((name) => existsSync(join(dir, name)));
  const bytes = sizeOf(path);
  const start = `Cannot open the control plane's journal "${path}"`;
  const walBytes = sizeOf(`${path}-wal`);
  if (companion !== undefined && (bytes === 0 || (walBytes === 0 && isWithoutSchema(path)))) {
    const text = `${start}: it is missing or empty, although "${companion}" is there`;
    const fix = `Restore it from a backup; to start anew, move all of "${dir}" away`;
    throw new WsctlError("STORAGE_UNAVAILABLE", `${text}. ${fix}`);
  }
  if (walBytes > 0 || !isBehind(path)) return;
  const text = `${start}: its log "${path}-wal" is missing or empty, although the control plane was killed: what was written last is gone`;
  const fix = `Restore both from a backup; to go on with what is left, delete "${join(dir, openFile)}"`;
  throw new WsctlError("STORAGE_UNAVAILABLE", `${text}. ${fix}`);
}

/**
 * Notes that a process writes; from here on there is something in the log that must be there if
 * this process is killed. Throws `STORAGE_UNAVAILABLE` where nothing can be written.
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
    const fix = "Free some space, and check that this user may write there";
    throw new WsctlError("STORAGE_UNAVAILABLE", `${text}. ${fix}`, { cause: error });
  }
}

/** Before it is closed, which takes the log away. */
export function markClosed(path: string): void {
  rmSync(join(dirname(path), openFile), { force: true });
}

/**
 * Whether the file lacks what was certainly written before the note. One whose log somebody else
 * has taken into it, such as a program that opened it, lacks nothing.
 */
function isBehind(path: string): boolean {
  try {
    const note = JSON.parse(readFileSync(join(dirname(path), openFile), "utf8")) as Note;
    return Number(readOne(path, probesSql)) < note.probes;
  } catch {
    // No note, or a file of which it is said what is wrong when it is opened.
    return false;
  }
}

function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}

/** A file that was made, and whose tables were in the log alone. */
function isWithoutSchema(path: string): boolean {
  try {
    return readSchemaVersion(path) === 0;
  } catch {
    // What is wrong with it is said when it is opened.
    return false;
  }
}
