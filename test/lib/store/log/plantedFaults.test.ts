/** Faults that are planted into the log's code, one at a time: its tests must find each. */
import { expect, test } from "bun:test";
import { spawn } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { logMutations } from "../../../sim/logMutations.ts";
import type { Mutation } from "../../../sim/mutations.ts";

const root = new URL("../../../../", import.meta.url).pathname;
const tests = ["durableLog", "recovery", "compression"].map(
  (name) => `test/lib/store/log/${name}.test.ts`,
);
const harness = "test/support/harness/logs.ts";

const folder = "lib/store/log";

/** The simulator finds the first ones, too: they break what processes rely on. */
const faults: readonly Mutation[] = [
  ...logMutations,
  {
    name: "a segment is continued after a new one may have got its name",
    file: `${folder}/written/segmentSet.ts`,
    find: "    } catch (error) {\n      this.abandon();\n      throw error;",
    replace: "    } catch (error) {\n      throw error;",
  },
  {
    name: "a batch is settled by a second sync of the same open file",
    file: `${folder}/written/segmentSet.ts`,
    find: "this.#options.storage.open(segmentName(written.first));\n    written.file.close();",
    replace: "written.file;",
  },
  {
    name: "the end of a segment on a full disk is taken by what begins",
    file: `${folder}/written/spareSegment.ts`,
    find: "if (!isEssential) throw error;",
    replace: "",
  },
  {
    name: "segments are removed before the head names the new start",
    file: `${folder}/durableLog.ts`,
    find: "    this.#writeHead(true);\n    for (const { first } of removed) removeSegment(storage, first);",
    replace:
      "    for (const { first } of removed) removeSegment(storage, first);\n    this.#writeHead(true);",
  },
  {
    name: "a log without a head is taken for a new one",
    file: `${folder}/head.ts`,
    find: "if (segmentsIn(this.#storage).length > 0) throw",
    replace: "if (segmentsIn(this.#storage).length > 100) throw",
  },
  {
    name: "the checksum of a batch is not compared",
    file: `${folder}/format.ts`,
    find: "if (readUint32(bytes, offset + 60) !== checksum(bytes, offset, length)) return undefined;",
    replace: "",
  },
  {
    name: "the rest of a torn batch is not overwritten",
    file: `${folder}/written/segmentSet.ts`,
    find: "file.write(last.end, new Uint8Array(tornBytes));",
    replace: "",
  },
  {
    name: "a segment that was removed at the beginning is not missed",
    file: `${folder}/recovery.ts`,
    find: "if (head !== undefined && oldest > head.start)",
    replace: "if (head?.start === 0)",
  },
  {
    name: "a segment that is removed leaves its compressed file",
    file: `${folder}/storage.ts`,
    find: "for (const name of [segmentName(first), compressedName(first)]) storage.remove(name);",
    replace: "storage.remove(segmentName(first));",
  },
  {
    name: "a compressed segment that is damaged is kept, and the plain one is removed",
    file: `${folder}/compressed/removeDoubles.ts`,
    find: "storage.remove(isWhole ? plain : compressed);",
    replace: "storage.remove(plain);",
  },
  {
    name: "a log in a newer format is read all the same",
    file: `${folder}/segments.ts`,
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
      plant(join(dir, fault.file), fault);
      expect(await run(dir)).toMatch(/^\(fail\)/m);
    } finally {
      rmSync(dir, { recursive: true, force: true });
    }
  },
  120_000,
);

function plant(path: string, { find, replace, name }: Mutation): void {
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
