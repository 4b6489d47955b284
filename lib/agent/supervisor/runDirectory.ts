/**
 * The life of a run's directory, which tells the next process of the agent how far a run came. The
 * agent prepares a directory before it stores that the command starts, and renames it immediately
 * before the supervisor starts. Thus a directory that is only prepared proves that the program
 * never began. A missing directory proves nothing, because it may have been deleted.
 */
import { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { begunFile, type SupervisedRun, specFile, writeRunFile } from "./runFiles.ts";

const preparedSuffix = ".prepared";

/** Prepares the directory of a run whose program may start next. */
export function prepareRunDirectory(dir: string): void {
  makeDirectory(dirname(dir));
  makeDirectory(`${dir}${preparedSuffix}`);
}

/** A data directory that was moved away is not made again: it could not be moved back then. */
function makeDirectory(path: string): void {
  try {
    mkdirSync(path, { mode: 0o700 });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  }
}

/**
 * Writes the run's specification into its directory.
 * @returns false if the directory already exists, because it may belong to a run
 * @throws the error of the operating system; no program has started then
 */
export function openRunDirectory(dir: string, spec: SupervisedRun): boolean {
  if (existsSync(dir)) return false;
  const prepared = `${dir}${preparedSuffix}`;
  prepareRunDirectory(dir);
  writeRunFile(prepared, specFile, spec);
  renameSync(prepared, dir);
  return true;
}

/** Whether no supervisor was started for this run. */
export function isOnlyPrepared(dir: string): boolean {
  return existsSync(`${dir}${preparedSuffix}`) && !existsSync(dir);
}

export function removePrepared(dir: string): void {
  rmSync(`${dir}${preparedSuffix}`, { recursive: true, force: true });
}

/** Returns the directory of the run that a prepared directory is for, or the directory itself. */
export function runOfDirectory(dir: string): string {
  return dir.endsWith(preparedSuffix) ? dir.slice(0, -preparedSuffix.length) : dir;
}

/**
 * Takes the right to start the program of a run: its supervisor does so immediately before the
 * start, and the agent when it gives the run up. Only the first of them succeeds, because one file
 * is created exclusively (open(2), O_EXCL).
 * @returns whether this call took it
 * @throws the error of the operating system if the file can be neither created nor found
 */
export function takeStart(dir: string): boolean {
  try {
    writeFileSync(`${dir}/${begunFile}`, "", { flag: "wx" });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw error;
  }
}
