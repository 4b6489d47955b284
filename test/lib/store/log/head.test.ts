/** The head of a log survives failed writes and power cuts in any order. */
import { expect, test } from "bun:test";
import { HeadFile, type LogHead } from "../../../../lib/store/log/head.ts";
import { FaultyStorage } from "../../../sim/faultyStorage.ts";
import { Random } from "../../../sim/random.ts";

const headOf = (sequence: number): LogHead => {
  return { logId: new Uint8Array(16), start: 1, sequence, digest: new Uint8Array(32) };
};

test("a head verifies after failed writes, kills and power cuts in any order", () => {
  for (let seed = 0; seed < 2_000; seed++) {
    const random = new Random(seed, 0);
    let storage = new FaultyStorage();
    let file = new HeadFile(storage);
    file.write(headOf(0), true);
    let written = 0;
    const history: string[] = [];
    for (let step = 1; step <= 12; step++) {
      if (random.chance(0.4)) storage.failAfter(1 + random.int(0, 1));
      const isSynced = random.chance(0.2);
      try {
        file.write(headOf(step), isSynced);
        if (isSynced) written = step;
        history.push(`${step} ${isSynced ? "synced" : "written"}`);
      } catch {
        history.push(`${step} failed`);
      }
      if (!random.chance(0.3)) continue;
      const isKilled = random.chance(0.5);
      history.push(isKilled ? "killed" : "power cut");
      storage = isKilled ? storage.afterKill() : storage.afterPowerFailure(() => random.unit());
      file = new HeadFile(storage);
      const head = file.read();
      const isRight = head !== undefined && head.sequence >= written;
      expect({ seed, history, isRight }).toMatchObject({ isRight: true });
    }
  }
});
