import { expect, test } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { OutputRetention } from "../../../../../lib/agent/supervisor/output/outputRetention.ts";
import { outputRetentionMs } from "../../../../../lib/protocol/limits.ts";
import { temporaryDir } from "../../../../support/processes/processes.ts";

/** A clock that a test moves, and the directories that are removed meanwhile. */
class Retaining {
  nowMs = 0;
  readonly removed: string[] = [];
  readonly dir = temporaryDir();
  readonly #timers = new Set<{ at: number; run: () => void }>();
  readonly retention: OutputRetention;

  constructor(bytesMax?: number) {
    const after = (ms: number, run: () => void) => {
      const timer = { at: this.nowMs + ms, run };
      this.#timers.add(timer);
      return () => void this.#timers.delete(timer);
    };
    const remove = (dir: string) => void this.removed.push(dir.slice(`${this.dir}/`.length));
    const size = bytesMax === undefined ? {} : { bytesMax };
    this.retention = new OutputRetention({ clock: { after }, remove, ...size });
  }

  run(name: string, bytes: number): string {
    const dir = join(`${this.dir}`, name);
    mkdirSync(dir);
    writeFileSync(join(dir, "output-1"), "x".repeat(bytes));
    return dir;
  }

  advance(ms: number): void {
    this.nowMs += ms;
    for (const timer of [...this.#timers].filter(({ at }) => at <= this.nowMs)) {
      this.#timers.delete(timer);
      timer.run();
    }
  }
}

test("output that nobody has read to its end is kept for the whole time", () => {
  const retaining = new Retaining();
  retaining.retention.keep(retaining.run("a", 10));
  retaining.advance(outputRetentionMs - 1);
  expect(retaining.removed).toEqual([]);
  retaining.advance(1);
  expect(retaining.removed).toEqual(["a"]);
});

test("the time counts from the end of the program, also in the agent's next process", () => {
  const retaining = new Retaining();
  retaining.retention.keep(retaining.run("a", 10), outputRetentionMs - 5);
  retaining.advance(5);
  expect(retaining.removed).toEqual(["a"]);
});

test("output that was read stays for half a minute, for a reader that resumes", () => {
  const retaining = new Retaining();
  const dir = retaining.run("a", 10);
  retaining.retention.keep(dir);
  retaining.retention.onRead(dir);
  retaining.advance(29_999);
  expect(retaining.removed).toEqual([]);
  retaining.advance(1);
  expect(retaining.removed).toEqual(["a"]);
  retaining.retention.onRead(dir);
});

test("above the limit of bytes the oldest output goes first", () => {
  const retaining = new Retaining(250);
  for (const name of ["a", "b", "c"]) retaining.retention.keep(retaining.run(name, 100));
  expect(retaining.removed).toEqual(["a"]);
  retaining.retention.keep(retaining.run("d", 200));
  expect(retaining.removed).toEqual(["a", "b", "c"]);
});
