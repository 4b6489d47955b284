/** Planted faults in the log, on which the control plane and the agent build. */
import type { Mutation } from "./mutations.ts";

const durableLog = "lib/store/log/durableLog.ts";
const segmentSet = "lib/store/log/segmentSet.ts";
const head = "lib/store/log/head.ts";
const format = "lib/store/log/format.ts";
const recovery = "lib/store/log/recovery.ts";

export const logMutations: Mutation[] = [
  {
    name: "a batch is not synced",
    file: durableLog,
    find: "      file.sync();\n      measured();",
    replace: "      measured();",
  },
  {
    name: "a batch on a slow disk counts as durable at once",
    file: durableLog,
    find: "    return false;\n",
    replace: "    return true;\n",
  },
  {
    name: "a failed sync on another thread is not reported",
    file: durableLog,
    find: "flight.settle(error);",
    replace: "flight.settle();",
  },
  {
    name: "the name of a new segment is not synced",
    file: segmentSet,
    find: "      storage.syncNames();\n",
    replace: "",
  },
  {
    name: "a new segment gets its name before its header is on disk",
    file: segmentSet,
    find: "      file.sync();\n      this.#name(",
    replace: "      this.#name(",
  },
  {
    name: "a segment is continued after a new one may have got its name",
    file: segmentSet,
    find: "    } catch (error) {\n      this.abandon();\n      throw error;",
    replace: "    } catch (error) {\n      throw error;",
  },
  {
    name: "the end of a segment on a full disk is taken by what begins",
    file: segmentSet,
    find: "if (!isEssential) throw error;",
    replace: "",
  },
  {
    name: "the head of a new log gets its name before its content is on disk",
    file: head,
    find: "if (isSynced || isNew) file.sync();",
    replace: "if (isSynced && !isNew) file.sync();",
  },
  {
    name: "segments are removed before the head names the new start",
    file: durableLog,
    find: "    this.#writeHead(true);\n    for (const { first } of removed) storage.remove(segmentName(first));",
    replace:
      "    for (const { first } of removed) storage.remove(segmentName(first));\n    this.#writeHead(true);",
  },
  {
    name: "a log without a head is taken for a new one",
    file: head,
    find: "if (segmentsIn(this.#storage).length > 0) throw",
    replace: "if (segmentsIn(this.#storage).length > 100) throw",
  },
  {
    name: "the chain of digests is not verified",
    file: format,
    find: "if (!isSame(chain(previous, payload.length, first, count, payload), digest)) return false;",
    replace: "",
  },
  {
    name: "the checksum of a batch is not compared",
    file: format,
    find: "if (readUint32(bytes, offset + 60) !== checksum(bytes, offset, length)) return undefined;",
    replace: "",
  },
  {
    name: "the rest of a torn batch is not overwritten",
    file: segmentSet,
    find: "file.write(last.end, new Uint8Array(tornBytes));",
    replace: "",
  },
  {
    name: "damage in the middle of the last segment is taken for a torn tail",
    file: recovery,
    find: "if (batch === undefined || batch.first <= sequence) continue;",
    replace: "continue;",
  },
  {
    name: "the end of the log is not compared with its head",
    file: recovery,
    find: "if (head === undefined || sequence > head.sequence) return;",
    replace: "return;",
  },
  {
    name: "a segment that was removed at the beginning is not missed",
    file: recovery,
    find: "if (head !== undefined && oldest > head.start)",
    replace: "if (head?.start === 0)",
  },
  {
    name: "a new segment does not replace what follows the last batch on disk",
    file: recovery,
    find: "const through = (firsts[index + 1] ?? Number.POSITIVE_INFINITY) - 1;",
    replace: "const through = Number.POSITIVE_INFINITY;",
  },
  {
    name: "a log in a newer format is read all the same",
    file: "lib/store/log/segments.ts",
    find: "if (version > formatVersion) {",
    replace: "if (version > 1000) {",
  },
  {
    name: "a batch is synced after what waits for it",
    file: durableLog,
    find: "      file.sync();\n      measured();",
    replace: "      file.syncLater(() => {});\n      measured();",
  },
  {
    name: "the directory is synced before a segment gets its name",
    file: segmentSet,
    find: "      storage.rename(from, name);\n      storage.syncNames();",
    replace: "      storage.syncNames();\n      storage.rename(from, name);",
  },
  {
    name: "the sequence of a batch is not compared",
    file: format,
    find: "if (batch.first !== sequence || batch.count === 0) return false;",
    replace: "if (batch.count === 0) return false;",
  },
  {
    name: "a segment is continued after a sync that failed",
    file: durableLog,
    find: "        this.#segments.abandon();\n        done(this.#writeError(error));",
    replace: "        done(this.#writeError(error));",
  },
  {
    name: "a segment is continued after a write that failed",
    file: durableLog,
    find: "      this.#segments.abandon();\n      throw this.#writeError(error);",
    replace: "      throw this.#writeError(error);",
  },
  {
    name: "a sync that failed on the event loop is taken for one that did not",
    file: durableLog,
    find: "      file.sync();\n      measured();",
    replace: "      try {\n        file.sync();\n      } catch {}\n      measured();",
  },
  {
    name: "a segment need not continue the one before it",
    file: recovery,
    find: "if (!isSame(position.digest, header.previous)) {",
    replace: "if (position.digest.length === 0) {",
  },
  {
    name: "an agent's batch on a slow disk counts as durable at once",
    file: "lib/agent/journal/journal.ts",
    find: "return isDurable ? durable : undefined;",
    replace: "return isDurable === undefined ? undefined : durable;",
  },
  {
    name: "an agent forgets acknowledgements that could not be written",
    file: "lib/agent/journal/journal.ts",
    find: "const failed = () => this.#acknowledgements.unshift(...waiting);",
    replace: "const failed = () => {};",
  },
];
