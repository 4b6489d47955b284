/**
 * Planted faults in the log, on which the control plane and the agent build. The tests of the log
 * find these and more.
 */
import type { Mutation } from "./mutations.ts";

const durableLog = "lib/store/log/durableLog.ts";
const segmentSet = "lib/store/log/written/segmentSet.ts";
const compressor = "lib/store/log/compressed/compressor.ts";

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
    name: "the head of a new log gets its name before its content is on disk",
    file: "lib/store/log/head.ts",
    find: "if (isSynced || isNew) this.#writeSafe(file, slot, bytes);",
    replace: "if (isSynced && !isNew) this.#writeSafe(file, slot, bytes);",
  },
  {
    name: "a plain segment is removed before the compressed one is on disk",
    file: compressor,
    find: "    this.#target.syncLater((error) =>\n      this.#attempt(() => {\n        if (error !== undefined || !this.#isKept) return this.#end(false);\n        this.#replace();\n      }),\n    );",
    replace: "    this.#replace();",
  },
  {
    name: "a plain segment is removed before the name of the compressed one is on disk",
    file: compressor,
    find: "    storage.rename(this.#unfinished, compressedName(first));\n    storage.syncNames();\n    storage.remove(segmentName(first));",
    replace:
      "    storage.remove(segmentName(first));\n    storage.rename(this.#unfinished, compressedName(first));\n    storage.syncNames();",
  },
  {
    name: "a compressed segment lacks its last bytes",
    file: compressor,
    find: "const { end } = this.#segment;",
    replace: "const end = this.#segment.end - 8;",
  },
  {
    name: "the chain of digests is not verified",
    file: "lib/store/log/format.ts",
    find: "if (!isSame(chain(previous, payload.length, first, count, payload), digest)) return false;",
    replace: "",
  },
  {
    name: "damage in the middle of the last segment is taken for a torn tail",
    file: "lib/store/log/recovery.ts",
    find: "if (batch === undefined || batch.first <= sequence) continue;",
    replace: "continue;",
  },
  {
    name: "a new segment does not replace what follows the last batch on disk",
    file: "lib/store/log/recovery.ts",
    find: "const through = (firsts[index + 1] ?? Number.POSITIVE_INFINITY) - 1;",
    replace: "const through = Number.POSITIVE_INFINITY;",
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
    name: "a sync that failed on the event loop is taken for one that did not",
    file: durableLog,
    find: "      file.sync();\n      measured();",
    replace: "      try {\n        file.sync();\n      } catch {}\n      measured();",
  },
  {
    name: "the end of the log is not compared with its head",
    file: "lib/store/log/recovery.ts",
    find: "if (head === undefined || sequence > head.sequence) return;",
    replace: "return;",
  },
  {
    name: "the head names a batch that is not on disk yet",
    file: durableLog,
    find: "const position = { sequence: this.#durable.sequence + count, digest };",
    replace:
      "const position = { sequence: this.#durable.sequence + count, digest };\n" +
      "      const [sequence, start] = [position.sequence - 1, this.segments[0]?.first ?? 1];\n" +
      "      this.#head.write({ logId: this.logId, start, sequence, digest }, true);",
  },
];

export const journalMutations: Mutation[] = [
  {
    name: "an agent's batch on a slow disk counts as durable at once",
    file: "lib/agent/journal/journal.ts",
    find: "return isDurable ? durable : undefined;",
    replace: "return isDurable === undefined ? undefined : durable;",
  },
];
