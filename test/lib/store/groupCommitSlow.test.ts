/** Group commit on a slow disk, where a commit waits on another thread. */
import { expect, test } from "bun:test";
import * as fc from "fast-check";
import { type Committed, GroupCommit } from "../../../lib/store/groupCommit.ts";

/** A disk that takes a commit when it is told to. */
class SlowWorld {
  readonly disk: string[] = [];
  readonly out: string[] = [];
  readonly failed: string[] = [];
  /** The number of writes on disk when each effect ran. */
  readonly onDiskAt = new Map<string, number>();
  readonly commits: GroupCommit<string, string>;
  onRelease: (effect: string) => void = () => {};
  #pending: { writes: string[]; done(committed: Committed<void>): void } | undefined;
  #soon: (() => void)[] = [];

  constructor(mayOvertake: (effect: string) => boolean = () => false) {
    this.commits = new GroupCommit<string, string>({
      commit: (writes, done) => {
        if (this.#pending !== undefined) throw new Error("two commits at once");
        this.#pending = { writes, done };
        return undefined;
      },
      settle: () => {
        if (this.#pending === undefined) throw new Error("nothing to settle");
        this.end(true);
      },
      release: (effects) => {
        for (const effect of effects) {
          this.out.push(effect);
          this.onDiskAt.set(effect, this.disk.length);
          this.onRelease(effect);
        }
      },
      mayOvertake,
      failed: ({ writes }) => {
        this.failed.push(...writes);
        return [];
      },
      defer: (run) => this.#soon.push(run),
    });
  }

  endTurn(): void {
    for (const run of this.#soon.splice(0)) run();
  }

  /** Ends the commit that waits, if there is one. */
  end(isGood: boolean): void {
    const pending = this.#pending;
    this.#pending = undefined;
    if (pending === undefined) return;
    if (isGood) this.disk.push(...pending.writes);
    pending.done(isGood ? { result: undefined } : { error: new Error("the disk failed") });
  }
}

test("group commit: the next batch gathers while a commit waits for the disk", () => {
  const world = new SlowWorld();
  world.commits.add({ writes: ["w1"], effects: ["e1"] });
  world.endTurn();
  world.commits.add({ writes: ["w2"], effects: ["e2"] });
  world.commits.add({ writes: [], effects: ["e3"] });
  world.endTurn();
  expect(world.out).toEqual([]);
  expect(world.commits.waitingCount).toBe(5);
  world.end(true);
  expect(world.out).toEqual(["e1"]);
  world.end(true);
  expect(world.out).toEqual(["e1", "e2", "e3"]);
  expect(world.commits.waitingCount).toBe(0);
});

test("group commit: an effect that may overtake does not wait for a slow disk", () => {
  const world = new SlowWorld((effect) => effect === "heartbeat");
  world.commits.add({ writes: ["w1"], effects: ["e1"] });
  world.endTurn();
  world.commits.add({ writes: [], effects: ["e2", "heartbeat"] });
  expect(world.out).toEqual(["heartbeat"]);
  world.commits.flush();
  expect(world.out).toEqual(["heartbeat", "e1", "e2"]);
});

test("group commit: a commit that fails takes what has gathered since with it", () => {
  const world = new SlowWorld();
  world.commits.add({ writes: ["w1"], effects: ["e1"] });
  world.endTurn();
  world.commits.add({ writes: ["w2"], effects: ["e2"] });
  world.end(false);
  expect(world.failed).toEqual(["w1", "w2"]);
  expect(world.out).toEqual([]);
  world.commits.add({ writes: ["w3"], effects: ["e3"] });
  world.endTurn();
  world.end(true);
  expect(world.disk).toEqual(["w3"]);
  expect(world.out).toEqual(["e3"]);
});

test("group commit: flush() leaves nothing waiting, however slow the disk is", () => {
  const world = new SlowWorld();
  world.commits.add({ writes: ["w1"], effects: ["e1"] });
  world.endTurn();
  world.commits.add({ writes: ["w2"], effects: ["e2"] });
  world.commits.flush();
  expect(world.disk).toEqual(["w1", "w2"]);
  expect(world.out).toEqual(["e1", "e2"]);
  world.end(true);
  expect(world.out).toEqual(["e1", "e2"]);
});

test("group commit: an effect that causes another one does not overtake the rest of its batch", () => {
  const world = new SlowWorld();
  world.onRelease = (effect) => {
    if (effect === "e1") world.commits.add({ writes: [], effects: ["e4"] });
  };
  world.commits.add({ writes: ["w1"], effects: ["e1", "e2"] });
  world.endTurn();
  world.commits.add({ writes: [], effects: ["e3"] });
  world.commits.flush();
  expect(world.out).toEqual(["e1", "e2", "e3", "e4"]);
});

test("group commit: on a slow disk, nothing is lost or reordered, and no effect precedes its writes", () => {
  const action = fc.oneof(
    fc.record({ writes: fc.nat(3), effects: fc.nat(3) }),
    fc.constantFrom("endTurn", "end", "fail", "flush"),
  );
  fc.assert(
    fc.property(fc.array(action, { maxLength: 60 }), (actions) => {
      const world = new SlowWorld();
      const writes: string[] = [];
      const writesBefore = new Map<string, string[]>();
      let effects = 0;
      for (const each of actions) {
        if (each === "endTurn") world.endTurn();
        else if (each === "flush") world.commits.flush();
        else if (typeof each === "string") world.end(each === "end");
        else {
          const added = Array.from({ length: each.writes }, (_, at) => `w${writes.length + at}`);
          writes.push(...added);
          const names = Array.from({ length: each.effects }, () => `e${effects++}`);
          for (const name of names) writesBefore.set(name, writes.slice());
          world.commits.add({ writes: added, effects: names });
        }
      }
      world.endTurn();
      world.commits.flush();
      expect(world.commits.waitingCount).toBe(0);
      const numbers = (names: string[]) => names.map((name) => Number(name.slice(1)));
      for (const list of [world.disk, world.out, world.failed]) {
        expect(numbers(list)).toEqual(numbers(list).sort((a, b) => a - b));
      }
      expect([...world.disk, ...world.failed].sort()).toEqual(writes.slice().sort());
      for (const effect of world.out) {
        const before = (writesBefore.get(effect) ?? []).filter((w) => !world.failed.includes(w));
        const onDisk = world.disk.slice(0, world.onDiskAt.get(effect));
        expect(onDisk).toEqual(expect.arrayContaining(before));
      }
    }),
    { numRuns: 500 },
  );
});
