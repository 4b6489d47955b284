/** Faults that are planted into the log's code, one at a time: its tests must find each. */
import { expect, test } from "bun:test";
import { spawn } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const root = new URL("../../../../", import.meta.url).pathname;
const tests = ["durableLog", "recovery"].map((name) => `test/lib/store/log/${name}.test.ts`);
const harness = "test/support/harness/logs.ts";

interface PlantedFault {
  name: string;
  file: string;
  /** Stands exactly once in the file. */
  find: string;
  replace: string;
}

const faults: readonly PlantedFault[] = [
  {
    name: "a batch is not synced",
    file: "durableLog.ts",
    find: "      file.sync();\n      measured();",
    replace: "      measured();",
  },
  {
    name: "a batch on a slow disk counts as durable at once",
    file: "durableLog.ts",
    find: "    return false;\n",
    replace: "    return true;\n",
  },
  {
    name: "a failed sync on another thread is not reported",
    file: "durableLog.ts",
    find: "flight.settle(error);",
    replace: "flight.settle();",
  },
  {
    name: "the name of a new segment is not synced",
    file: "segmentSet.ts",
    find: "      storage.syncNames();\n",
    replace: "",
  },
  {
    name: "a new segment gets its name before its header is on disk",
    file: "segmentSet.ts",
    find: "      file.sync();\n      this.#name(",
    replace: "      this.#name(",
  },
  {
    name: "a segment is continued after a new one may have got its name",
    file: "segmentSet.ts",
    find: "    } catch (error) {\n      this.abandon();\n      throw error;",
    replace: "    } catch (error) {\n      throw error;",
  },
  {
    name: "the end of a segment on a full disk is taken by what begins",
    file: "segmentSet.ts",
    find: "if (!isEssential) throw error;",
    replace: "",
  },
  {
    name: "the head of a new log gets its name before its content is on disk",
    file: "head.ts",
    find: "if (isSynced || isNew) file.sync();",
    replace: "if (isSynced && !isNew) file.sync();",
  },
  {
    name: "segments are removed before the head names the new start",
    file: "durableLog.ts",
    find: "    this.#writeHead(true);\n    for (const { first } of removed) storage.remove(segmentName(first));",
    replace:
      "    for (const { first } of removed) storage.remove(segmentName(first));\n    this.#writeHead(true);",
  },
  {
    name: "a log without a head is taken for a new one",
    file: "head.ts",
    find: "if (segmentsIn(this.#storage).length > 0) throw",
    replace: "if (segmentsIn(this.#storage).length > 100) throw",
  },
  {
    name: "the chain of digests is not verified",
    file: "format.ts",
    find: "if (!isSame(chain(previous, payload.length, first, count, payload), digest)) return false;",
    replace: "",
  },
  {
    name: "the checksum of a batch is not compared",
    file: "format.ts",
    find: "if (readUint32(bytes, offset + 60) !== checksum(bytes, offset, length)) return undefined;",
    replace: "",
  },
  {
    name: "the rest of a torn batch is not overwritten",
    file: "segmentSet.ts",
    find: "file.write(last.end, new Uint8Array(tornBytes));",
    replace: "",
  },
  {
    name: "damage in the middle of the last segment is taken for a torn tail",
    file: "recovery.ts",
    find: "if (batch === undefined || batch.first <= sequence) continue;",
    replace: "continue;",
  },
  {
    name: "the end of the log is not compared with its head",
    file: "recovery.ts",
    find: "if (head === undefined || sequence > head.sequence) return;",
    replace: "return;",
  },
  {
    name: "a segment that was removed at the beginning is not missed",
    file: "recovery.ts",
    find: "if (head !== undefined && oldest > head.start)",
    replace: "if (head?.start === 0)",
  },
  {
    name: "a new segment does not replace what follows the last batch on disk",
    file: "recovery.ts",
    find: "const through = (firsts[index + 1] ?? Number.POSITIVE_INFINITY) - 1;",
    replace: "const through = Number.POSITIVE_INFINITY;",
  },
  {
    name: "a log in a newer format is read all the same",
    file: "segments.ts",
    find: "if (version > formatVersion) {",
    replace: "if (version > 1000) {",
  },
];

test.each(faults)(
  "the tests of the log find a planted fault: $name",
  async (fault) => {
    const dir = mkdtempSync(join(tmpdir(), "wsctl-planted-"));
    try {
      for (const part of ["lib", "test/sim", ...tests, harness, "package.json"]) {
        cpSync(join(root, part), join(dir, part), { recursive: true });
      }
      symlinkSync(join(root, "node_modules"), join(dir, "node_modules"));
      plant(join(dir, "lib/store/log", fault.file), fault);
      expect(await run(dir)).toMatch(/^\(fail\)/m);
    } finally {
      rmSync(dir, { recursive: true, force: true });
    }
  },
  120_000,
);

function plant(path: string, { find, replace, name }: PlantedFault): void {
  const text = readFileSync(path, "utf8");
  const count = text.split(find).length - 1;
  if (count !== 1) throw new Error(`"${name}": its text stands ${count} times in ${path}`);
  writeFileSync(
    path,
    text.replace(find, () => replace),
  );
}

function run(cwd: string): Promise<string> {
  const child = spawn(process.execPath, ["test", "--bail", "--timeout=60000", ...tests], {
    cwd,
    env: { ...process.env, WSCTL_LOG_DAMAGES: "1000" },
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text: string) => {
      output += text;
    });
  }
  return new Promise((resolve) => child.once("close", () => resolve(output)));
}
