import { describe, expect, test } from "bun:test";
import { closeCodes, reconnectPolicy } from "../../../../lib/protocol/wire/closeCodes.ts";

const facts = Object.values(closeCodes);

describe("closeCodes", () => {
  test("are unique and mean something", () => {
    expect(new Set(facts.map(({ code }) => code)).size).toBe(facts.length);
    expect(facts.every(({ meaning }) => meaning.trim() !== "")).toBe(true);
  });

  test.each(Object.entries(closeCodes))(
    "%s may be sent by a server on every runtime",
    (_, { code }) => {
      const isRegistered = [1000, 1003, 1009, 1012, 1013].includes(code);
      expect(isRegistered || (code >= 4000 && code <= 4999)).toBe(true);
    },
  );
});

describe("reconnect()", () => {
  test.each(Object.values(closeCodes))("of %j is what the table says", (fact) => {
    expect(reconnectPolicy(fact.code)).toBe(fact.reconnect);
  });

  test.each([4400, 4401, 4403, 4409, 4429])(
    "is slow after %d: at once would change nothing",
    (code) => {
      expect(reconnectPolicy(code)).toBe("slow");
    },
  );

  test.each([0, 1001, 1005, 1006, 1011, 1012, 1013, 3000, 4000, 4408, 4413, 4999, Number.NaN])(
    "takes %d for a passing fault",
    (code) => {
      expect(reconnectPolicy(code)).toBe("backoff");
    },
  );
});
