/** Opens the journal of a control plane in its data directory. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { WsctlError } from "../../protocol/errors.ts";
import { isMarkedDamaged, removeDatabase } from "../../store/databaseFile.ts";
import { openFileStorage } from "../../store/log/fileStorage.ts";
import { segmentsIn } from "../../store/log/storage.ts";
import type { Clock } from "../../time/clock.ts";
import { journalOn } from "./controlJournal.ts";
import { indexError } from "./feed/indexFeed.ts";
import type { IndexOpener, JournalIndex } from "./feed/journalIndex.ts";
import { LocalIndex } from "./feed/localIndex.ts";
import { openMetrics } from "./index/openDatabases.ts";
import type { ControlJournal } from "./journal.ts";
import { assertNoCluster, assertNotLost } from "./lostJournal.ts";
import { CurrentState } from "./rebuild/currentState.ts";
import { IndexRebuild } from "./rebuild/indexRebuild.ts";
import { Recorder, type RecorderOptions } from "./recorder.ts";

/** An index of a log whose last segment begins after this many entries is rebuilt later. */
const laterAfterEntries = 100_000;

export interface ControlJournalOptions
  extends Pick<RecorderOptions, "segmentBytes" | "policy" | "openLog" | "onProgress" | "onFault"> {
  dataDir: string;
  clock: Pick<Clock, "after" | "wall">;
  /** Opens the index; by default, this thread writes it. */
  openIndex?: IndexOpener;
  /**
   * An index that is missing is rebuilt in the background if the last segment of the log begins
   * after this many entries, and the index has a thread.
   */
  laterAfterEntries?: number;
  /** Locks an open file for this process, or returns false if another process has locked it. */
  tryLock(fd: number, path: string): boolean;
}

/**
 * Opens the journal, or creates it. An index that is missing, damaged or of another log is rebuilt.
 *
 * @throws {WsctlError} STORAGE_UNAVAILABLE with what is wrong with the log
 */
export function openControlJournal(options: ControlJournalOptions): ControlJournal {
  if (options.openLog === undefined) {
    assertNoCluster(options.dataDir);
    assertNotLost(options.dataDir);
  }
  const indexPath = join(options.dataDir, "index.db");
  // Of a rebuild that did not end.
  for (const each of [partialPath(indexPath), `${indexPath}.new`]) removeDatabase(each);
  try {
    return openWithIndex(options, indexPath);
  } catch (error) {
    // Anything else that is wrong is in the index, or the index cannot take what is in the log.
    if (error instanceof WsctlError && !isMarkedDamaged(indexPath)) throw error;
    removeDatabase(indexPath);
  }
  try {
    return openWithIndex(options, indexPath);
  } catch (error) {
    throw error instanceof WsctlError ? error : indexError(error);
  }
}

function openWithIndex(options: ControlJournalOptions, indexPath: string): ControlJournal {
  const { dataDir, tryLock } = options;
  const storage = openFileStorage({ path: join(dataDir, "log"), tryLock });
  const { openIndex = (path: string) => new LocalIndex(path), clock } = options;
  const isLater =
    options.openIndex !== undefined &&
    !existsSync(indexPath) &&
    (segmentsIn(storage).at(-1) ?? 0) > (options.laterAfterEntries ?? laterAfterEntries);
  let index: JournalIndex;
  try {
    index = openIndex(isLater ? partialPath(indexPath) : indexPath);
  } catch (error) {
    storage.release();
    throw error;
  }
  try {
    const { builder } = index;
    const state = isLater ? new CurrentState(index, options.onProgress) : undefined;
    const replay = state === undefined ? {} : { replay: state };
    const recorder = new Recorder({ ...options, ...replay, storage, index });
    const rebuild =
      state !== undefined && builder !== undefined
        ? new IndexRebuild({ ...options, recorder, builder, clock, takenKeys: state.takenKeys })
        : undefined;
    const metrics = openMetrics(dataDir, options.onFault);
    const journal = journalOn({ recorder, index, metrics, rebuild });
    // A copy of another log gets its identity from there.
    if (options.openLog === undefined) journal.createIdentity();
    return journal;
  } catch (error) {
    storage.release();
    index.close();
    throw error;
  }
}

const partialPath = (indexPath: string) => `${indexPath}.partial`;
