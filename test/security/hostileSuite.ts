/** One control plane for all the attacks of a theme; after the last of them it must still serve. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import type { Flavour } from "../support/processes/processes.ts";
import { Target } from "../support/processes/target.ts";

setDefaultTimeout(60_000);

export function hostileSuite(
  theme: string,
  flavour: Flavour,
  define: (target: () => Target) => void,
  args: string[] = [],
): void {
  describe(`${theme}, control plane on ${flavour}`, () => {
    let target: Target;
    beforeAll(async () => {
      target = await Target.start(flavour, args);
    });
    afterAll(() => target?.[Symbol.asyncDispose]());

    define(() => target);

    test("afterwards the same process still serves", async () => {
      expect(target.serving.process.hasExited).toBe(false);
      expect(await target.pings()).toBe("success");
      const faults = target.serving.process.lines.filter((line) => /fault|unexpected/i.test(line));
      // These say what was wrong with the frames of a peer.
      const isOfPeer = (line: string) => /connection failed|disconnected close_code=/.test(line);
      expect(faults.filter((line) => !isOfPeer(line))).toEqual([]);
    });
  });
}
