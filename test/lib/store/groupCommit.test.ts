import { describe, expect, test } from "bun:test";
import * as fc from "fast-check";
import { type Batch, GroupCommit } from "../../../lib/store/groupCommit.ts";

/** A disk and an outside world that write down, in order, what reaches them. */
class World {
  readonly events: string[] = [];
  readonly failed: { batch: Batch<string, string>; error: unknown }[] = [];
  readonly commits: GroupCommit<string, string>;
  broken: Error | undefined;
  onRelease: (effect: string) => void = () => {};
  #soon: (() => void)[] = [];

  constructor(writesMax?: number) {
    this.commits = new GroupCommit<string, string>({
      commit: (writes) => {
        if (this.broken !== undefined) throw this.broken;
        this.events.push(`disk ${writes.join(" ")}`);
        return { result: undefined };
      },
      release: (effects) => {
        for (const effect of effects) {
          this.events.push(`out ${effect}`);
          this.onRelease(effect);
        }
      },
      failed: (batch, error) => {
        this.failed.push({ batch, error });
        return batch.effects.filter((effect) => effect.startsWith("free"));
      },
      defer: (run) => this.#soon.push(run),
      ...(writesMax === undefined ? {} : { writesMax }),
    });
  }

  add(writes: string[], effects: string[]): void {
    this.commits.add({ writes, effects });
  }

  get asked(): number {
    return this.#soon.length;
  }

  endTurn(): void {
    const runs = this.#soon;
    this.#soon = [];
    for (const run of runs) run();
  }
}

describe("GroupCommit", () => {
  test("add() holds effects back until the writes before them are on disk", () => {
    const world = new World();
    world.add(["w1"], ["e1"]);
    world.add([], ["e2"]);
    world.add(["w2"], ["e3"]);
    expect(world.events).toEqual([]);
    world.endTurn();
    expect(world.events).toEqual(["disk w1 w2", "out e1", "out e2", "out e3"]);
  });

  test("add() lets effects go at once where nothing waits", () => {
    const world = new World();
    world.add([], ["e1", "e2"]);
    expect(world.events).toEqual(["out e1", "out e2"]);
    expect(world.asked).toBe(0);
    world.add(["w1"], []);
    world.endTurn();
    world.add([], ["e3"]);
    expect(world.events).toEqual(["out e1", "out e2", "disk w1", "out e3"]);
  });

  test("add() asks for one commit a turn, and for none without writes", () => {
    const world = new World();
    world.add([], []);
    expect(world.asked).toBe(0);
    world.add(["w1"], []);
    world.add(["w2"], []);
    expect(world.asked).toBe(1);
    world.endTurn();
    world.add(["w3"], []);
    expect(world.asked).toBe(1);
    world.endTurn();
    expect(world.events).toEqual(["disk w1 w2", "disk w3"]);
  });

  test("a commit that fails releases nothing and hands the whole batch back", () => {
    const world = new World();
    world.add(["w1", "w2"], ["e1"]);
    world.add([], ["e2"]);
    world.broken = new Error("disk full");
    world.endTurn();
    expect(world.events).toEqual([]);
    expect(world.failed).toEqual([
      { batch: { writes: ["w1", "w2"], effects: ["e1", "e2"] }, error: world.broken },
    ]);
  });

  test("a commit that failed is over: what comes later is committed without it", () => {
    const world = new World();
    world.broken = new Error("disk full");
    world.add(["w1"], ["e1"]);
    world.endTurn();
    world.broken = undefined;
    world.add([], ["e2"]);
    world.add(["w2"], ["e3"]);
    world.endTurn();
    expect(world.events).toEqual(["out e2", "disk w2", "out e3"]);
    expect(world.failed).toHaveLength(1);
  });

  test("add() commits at once when writesMax is reached", () => {
    const world = new World(3);
    world.add(["w1", "w2"], ["e1"]);
    expect(world.events).toEqual([]);
    world.add(["w3"], ["e2"]);
    expect(world.events).toEqual(["disk w1 w2 w3", "out e1", "out e2"]);
    world.endTurn();
    expect(world.events).toHaveLength(3);
  });

  test("flush() commits now, and does nothing where nothing waits", () => {
    const world = new World();
    world.commits.flush();
    expect(world.events).toEqual([]);
    world.add(["w1"], ["e1"]);
    world.commits.flush();
    world.commits.flush();
    world.endTurn();
    expect(world.events).toEqual(["disk w1", "out e1"]);
  });

  test("a release that adds more gets a commit of its own", () => {
    const world = new World();
    world.onRelease = (effect) => {
      if (effect === "e1") world.add(["w2"], ["e3"]);
      if (effect === "e2") world.add([], ["e4"]);
    };
    world.add(["w1"], ["e1", "e2"]);
    world.endTurn();
    // e4 comes after w2, so it waits for it.
    expect(world.events).toEqual(["disk w1", "out e1", "out e2"]);
    expect(world.asked).toBe(1);
    world.endTurn();
    expect(world.events.slice(3)).toEqual(["disk w2", "out e3", "out e4"]);
  });

  test("an effect that relies on no write runs after those before it, also if its commit fails", () => {
    const world = new World();
    world.add(["w1"], ["e1", "e2"]);
    world.onRelease = (effect) => {
      if (effect !== "e1") return;
      world.broken = new Error("disk full");
      world.add(["w2"], ["free3", "e4"]);
      world.commits.flush();
    };
    world.endTurn();
    expect(world.events).toEqual(["disk w1", "out e1", "out e2", "out free3"]);
  });

  test("a failure handler that adds more is not caught in the batch that failed", () => {
    const world = new World();
    world.broken = new Error("disk full");
    world.add(["w1"], ["e1"]);
    world.endTurn();
    world.add(["w2"], []);
    world.endTurn();
    expect(world.failed.map(({ batch }) => batch.writes)).toEqual([["w1"], ["w2"]]);
  });

  test("whatever the steps: nothing is lost, all is in order, no effect before its writes", () => {
    const step = fc.record({
      writes: fc.nat(3),
      effects: fc.nat(3),
      endsTurn: fc.boolean(),
    });
    fc.assert(
      fc.property(
        fc.array(step, { maxLength: 40 }),
        fc.integer({ min: 1, max: 6 }),
        (steps, max) => {
          const world = new World(max);
          const names = { writes: [] as string[], effects: [] as string[] };
          const writesBefore = new Map<string, number>();
          for (const { writes, effects, endsTurn } of steps) {
            const newWrites = Array.from(
              { length: writes },
              (_, i) => `w${names.writes.length + i}`,
            );
            names.writes.push(...newWrites);
            const newEffects = Array.from(
              { length: effects },
              (_, i) => `e${names.effects.length + i}`,
            );
            names.effects.push(...newEffects);
            for (const effect of newEffects) writesBefore.set(effect, names.writes.length);
            world.add(newWrites, newEffects);
            if (endsTurn) world.endTurn();
          }
          world.endTurn();
          const onDisk: string[] = [];
          const out: string[] = [];
          for (const event of world.events) {
            const [kind, ...values] = event.split(" ");
            if (kind === "disk") onDisk.push(...values);
            else out.push(...values);
            if (kind === "out") {
              expect(onDisk.length).toBeGreaterThanOrEqual(
                writesBefore.get(values[0] ?? "") ?? 1e9,
              );
            }
          }
          expect(onDisk).toEqual(names.writes);
          expect(out).toEqual(names.effects);
        },
      ),
    );
  });
});
