/** A control plane that is killed while it compresses its log. */
import { expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { readLog } from "../../lib/store/log/readLog.ts";
import { openJournal, writesOf } from "../support/fixtures/filledJournal.ts";
import { Running, temporaryDir, wsctlCommand } from "../support/processes/processes.ts";

const dir = temporaryDir();
const logDir = join(`${dir}`, "log");

function fillLog(): void {
  const journal = openJournal(`${dir}`);
  for (let commit = 0; commit < 40; commit++) {
    const writes = Array.from({ length: 400 }, (_, index) => {
      const createdAt = Date.now() - 60_000 + index;
      const ending = () => ({ outcome: "success", message: `done ${commit}` }) as const;
      const { asked, ended } = writesOf({ agents: ["a"], createdAt, ending });
      return [...asked, ...ended];
    });
    journal.commitNow(writes.flat());
  }
  journal.close();
}

/** The digest of the first entries. */
function digestOf(count: number): string {
  const hash = createHash("sha256");
  readLog(logDir, ({ sequence, line }) => {
    if (sequence <= count) hash.update(line);
  });
  return hash.digest("hex");
}

function filesWith(suffix: string): string[] {
  return readdirSync(logDir).filter((name) => name.endsWith(suffix));
}

async function until(isSo: () => boolean): Promise<void> {
  for (const deadline = Date.now() + 20_000; !isSo(); ) {
    if (Date.now() > deadline) throw new Error(`left: ${readdirSync(logDir).join(" ")}`);
    await Bun.sleep(2);
  }
}

function serve(): Running {
  return new Running([
    ...[...wsctlCommand("binary"), "serve", "--port", "0", "--data-dir", `${dir}`],
    ...["--job-retention", "4000d"],
  ]);
}

test("a log whose compression is killed again and again keeps every entry, and is compressed", async () => {
  fillLog();
  const { head, segments } = readLog(logDir, () => {});
  const right = digestOf(head.sequence);
  expect(segments.length).toBeGreaterThan(4);
  for (let kill = 0; kill < 6 && filesWith(".log").length > 1; kill++) {
    await using serving = serve();
    const before = filesWith(".zst").length;
    // By turns in the middle of a file, and right after one.
    if (kill % 2 === 0) await until(() => filesWith(".zst.new").length > 0);
    else await until(() => filesWith(".zst").length > before);
    await serving.kill();
    expect(digestOf(head.sequence)).toBe(right);
  }
  await using serving = serve();
  await until(() => filesWith(".log").length === 1);
  expect(await serving.stop()).toBe(0);
  expect(digestOf(head.sequence)).toBe(right);
  expect(filesWith(".zst.new")).toEqual([]);
});
