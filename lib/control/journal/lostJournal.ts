/**
 * A journal that is gone, in whole or in its latest part, must not pass for a new one: what lies
 * beside it tells that there was one.
 */
import { existsSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { localFile } from "../../protocol/api/localCredentials.ts";
import { errorText, WsctlError } from "../../protocol/errors.ts";
import { schemaOf } from "../../store/sqlite.ts";
import type { ControlJournal } from "./journal.ts";

/** Made by whoever has had a journal there. */
const companions = [localFile, "artifacts"];
/** There while a process writes, and after one that was killed. */
const openFile = "control.open";

/** Throws `STORAGE_UNAVAILABLE` saying what is missing, and what to do. */
export function refuseLost(path: string): void {
  const dir = dirname(path);
  const companion = companions.find((name) => existsSync(join(dir, name)));
  const bytes = sizeOf(path);
  const start = `Cannot open the control plane's journal "${path}"`;
  const walBytes = sizeOf(`${path}-wal`);
  if (companion !== undefined && (bytes === 0 || (walBytes === 0 && isWithoutSchema(path)))) {
    const text = `${start}: it is missing or empty, although "${companion}" is there`;
    const mend = `Restore it from a backup; to start anew, move all of "${dir}" away`;
    throw new WsctlError("STORAGE_UNAVAILABLE", `${text}. ${mend}`);
  }
  if (!existsSync(join(dir, openFile)) || walBytes > 0) return;
  const text = `${start}: its log "${path}-wal" is missing or empty, although the control plane was killed: what was written last is gone`;
  const mend = `Restore both from a backup; to go on with what is left, delete "${join(dir, openFile)}"`;
  throw new WsctlError("STORAGE_UNAVAILABLE", `${text}. ${mend}`);
}

/**
 * Notes that a process writes; from here on there is something in the log that must be there if
 * this process is killed. Throws `STORAGE_UNAVAILABLE` where nothing can be written.
 */
export function noteOpen(path: string, journal: Pick<ControlJournal, "probe" | "close">): void {
  const about = "wsctl serve writes to control.db. After a crash control.db-wal belongs to it.\n";
  try {
    journal.probe();
    writeFileSync(join(dirname(path), openFile), about, { mode: 0o600 });
  } catch (error) {
    journal.close();
    const text = `Cannot write the control plane's journal "${path}": ${errorText(error)}`;
    const mend = "Free some space, and check that this user may write there";
    throw new WsctlError("STORAGE_UNAVAILABLE", `${text}. ${mend}`, { cause: error });
  }
}

/** Before it is closed, which takes the log away. */
export function noteClosed(path: string): void {
  rmSync(join(dirname(path), openFile), { force: true });
}

function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}

/** A file that was made, and whose tables were in the log alone. */
function isWithoutSchema(path: string): boolean {
  try {
    return schemaOf(path) === 0;
  } catch {
    // What is wrong with it is said when it is opened.
    return false;
  }
}
