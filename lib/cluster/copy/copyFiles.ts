/** The copy of the log of a cluster in a data directory, with its index. */
import { existsSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { IndexOpener } from "../../control/journal/feed/journalIndex.ts";
import type { ControlJournal } from "../../control/journal/journal.ts";
import { openControlJournal } from "../../control/journal/openControlJournal.ts";
import type { Log } from "../../log/log.ts";
import type { Runtime } from "../../runtime/runtime.ts";
import { firstDigest, toHex } from "../../store/log/format.ts";
import type { Clock } from "../../time/clock.ts";
import type { ClusterNats } from "../nats/natsClient.ts";
import { withLazySync } from "./lazySync.ts";
import { ReplicatedLog } from "./replicatedLog.ts";

export interface ReplicaOptions {
  dataDir: string;
  nats: ClusterNats;
  cluster: string;
  node: string;
  /** Hexadecimal. */
  logId: string;
  clock: Clock;
  runtime: Runtime;
  log: Log;
  openIndex?: IndexOpener | undefined;
}

export const noOrigin = { sequence: 1, digest: toHex(firstDigest) };

/** Where a node keeps its copy. */
export interface CopyFiles {
  /**
   * Opens the copy, or creates it.
   *
   * @param origin what its log begins with
   * @throws {DamagedLog}
   */
  open(origin: { sequence: number; digest: string }): OpenedCopy;
  /** Removes the log and its index, which the cluster has. */
  remove(): void;
  /** Does the same, but keeps the log under another name. Returns where. */
  setAside(): string;
}

export interface OpenedCopy {
  journal: ControlJournal;
  copy: ReplicatedLog;
}

/** Where a damaged copy is kept, until the next one is damaged. */
const damagedName = "log.damaged";

export function copyFiles(options: ReplicaOptions): CopyFiles {
  return {
    open: (origin) => openCopy(options, origin),
    remove: () => removeCopy(options.dataDir),
    setAside() {
      const kept = join(options.dataDir, damagedName);
      rmSync(kept, { recursive: true, force: true });
      renameSync(join(options.dataDir, "log"), kept);
      removeCopy(options.dataDir);
      return kept;
    },
  };
}

function openCopy(
  { dataDir, clock, runtime, log, nats, logId, openIndex }: ReplicaOptions,
  origin: { sequence: number; digest: string },
): OpenedCopy {
  let copy: ReplicatedLog | undefined;
  const bytes = (hex: string) => new Uint8Array(Buffer.from(hex, "hex"));
  const copyOf = {
    logId: bytes(logId),
    origin: { sequence: origin.sequence, digest: bytes(origin.digest) },
  };
  if (!existsSync(join(dataDir, "log", "head"))) removeCopy(dataDir);
  const journal = openControlJournal({
    ...{ dataDir, clock, tryLock: runtime.tryLock },
    ...(openIndex === undefined ? {} : { openIndex }),
    onFault: (error) => log.error(error.message),
    openLog: (options) => {
      copy = new ReplicatedLog(nats, {
        ...options,
        storage: withLazySync(options.storage),
        copyOf,
      });
      return copy;
    },
  });
  return { journal, copy: copy as ReplicatedLog };
}

function removeCopy(dataDir: string): void {
  rmSync(join(dataDir, "log"), { recursive: true, force: true });
  for (const suffix of ["", "-wal", "-shm"]) {
    rmSync(join(dataDir, `index.db${suffix}`), { force: true });
  }
}
