/**
 * The storage of a copy whose content another place has: a sync of entries returns at once, and
 * happens before the head is written, about once a second. The head must not name an entry that is
 * not on disk.
 */
import {
  compressedSuffix,
  headName,
  type LogFile,
  type LogStorage,
  unfinishedSuffix,
} from "../../store/log/storage.ts";

const headNames: ReadonlySet<string> = new Set([headName, `${headName}${unfinishedSuffix}`]);

export function withLazySync(storage: LogStorage): LogStorage {
  const dirty = new Set<LogFile>();
  const wrap = (name: string, file: LogFile): LogFile => {
    // The plain segment is removed when the compressed one is on disk.
    if (name.endsWith(compressedSuffix + unfinishedSuffix)) return file;
    return headNames.has(name) ? headFile(file, dirty) : entryFile(file, dirty);
  };
  return {
    list: () => storage.list(),
    open: (name) => wrap(name, storage.open(name)),
    create: (name, bytes) => wrap(name, storage.create(name, bytes)),
    rename: (from, to) => storage.rename(from, to),
    remove: (name) => storage.remove(name),
    syncNames: () => storage.syncNames(),
    assertInPlace: () => storage.assertInPlace(),
    get freeBytes() {
      return storage.freeBytes;
    },
    release: () => storage.release(),
    path: storage.path,
  };
}

function entryFile(file: LogFile, dirty: Set<LogFile>): LogFile {
  return {
    size: () => file.size(),
    read: (offset, bytes) => file.read(offset, bytes),
    write: (offset, bytes) => file.write(offset, bytes),
    truncate: (bytes) => file.truncate(bytes),
    sync: () => void dirty.add(file),
    syncLater(done) {
      dirty.add(file);
      done();
    },
    close() {
      if (dirty.delete(file)) file.sync();
      file.close();
    },
  };
}

function headFile(file: LogFile, dirty: Set<LogFile>): LogFile {
  return {
    size: () => file.size(),
    read: (offset, bytes) => file.read(offset, bytes),
    write(offset, bytes) {
      for (const each of dirty) each.sync();
      dirty.clear();
      file.write(offset, bytes);
    },
    truncate: (bytes) => file.truncate(bytes),
    sync: () => file.sync(),
    syncLater: (done) => file.syncLater(done),
    close: () => file.close(),
  };
}
